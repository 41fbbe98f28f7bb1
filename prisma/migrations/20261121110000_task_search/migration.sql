-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "resourceName" TEXT;

-- What the objects of the tasks there are, are called now.
UPDATE "Task" SET "resourceName" = "Replication"."vmName" FROM "Replication"
  WHERE "resourceType" = 'Replication' AND "resourceId" = "Replication"."id";
UPDATE "Task" SET "resourceName" = "Site"."name" FROM "Site"
  WHERE "resourceType" = 'Site' AND "resourceId" = "Site"."id";
UPDATE "Task" SET "resourceName" = "Provider"."name" FROM "Provider"
  WHERE "resourceType" = 'Provider' AND "resourceId" = "Provider"."id";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateTable
CREATE TABLE "Provider" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "url" TEXT,
    "status" TEXT NOT NULL,
    "productVersion" TEXT,
    "lastSyncedAt" TIMESTAMPTZ(3),
    "lastError" JSONB,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Provider_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Site" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "providerId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "nativeId" TEXT,
    "path" TEXT,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "lastSyncedAt" TIMESTAMPTZ(3),
    "removedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Site_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Organization" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "providerId" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "nativeId" TEXT,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Organization_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "VirtualMachine" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "providerId" UUID NOT NULL,
    "siteId" UUID NOT NULL,
    "organizationId" UUID,
    "nativeId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "powerState" TEXT NOT NULL,
    "nativePowerState" TEXT,
    "cpus" INTEGER,
    "coresPerSocket" INTEGER,
    "memoryMb" INTEGER,
    "nics" JSONB NOT NULL DEFAULT '[]',
    "recoveredFromId" UUID,
    "recoveredInstance" TEXT,
    "isTest" BOOLEAN NOT NULL DEFAULT false,
    "lastSeenAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "VirtualMachine_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "VirtualDisk" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "virtualMachineId" UUID NOT NULL,
    "key" INTEGER NOT NULL,
    "file" TEXT NOT NULL,
    "sizeBytes" BIGINT NOT NULL,

    CONSTRAINT "VirtualDisk_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Replication" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "providerId" UUID NOT NULL,
    "nativeId" TEXT,
    "virtualMachineId" UUID NOT NULL,
    "vmName" TEXT NOT NULL,
    "vmDescription" TEXT,
    "organizationId" UUID,
    "sourceSiteId" UUID NOT NULL,
    "destinationSiteId" UUID NOT NULL,
    "ownerId" UUID,
    "description" TEXT,
    "rpoMinutes" INTEGER NOT NULL,
    "dataConnectionType" TEXT NOT NULL,
    "quiesced" BOOLEAN NOT NULL DEFAULT false,
    "retentionRules" JSONB NOT NULL DEFAULT '[]',
    "targetDiskType" TEXT NOT NULL DEFAULT 'THIN',
    "initialSyncAt" TIMESTAMPTZ(3),
    "excludedDiskKeys" INTEGER[] DEFAULT ARRAY[]::INTEGER[],
    "isPaused" BOOLEAN NOT NULL DEFAULT false,
    "isMigration" BOOLEAN NOT NULL DEFAULT false,
    "isReversed" BOOLEAN NOT NULL DEFAULT false,
    "sourceState" TEXT NOT NULL,
    "sourceStateAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "destinationState" TEXT NOT NULL,
    "destinationStateAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "recoveryState" TEXT NOT NULL,
    "dataConnectionState" TEXT NOT NULL,
    "overallHealth" TEXT NOT NULL,
    "problems" JSONB NOT NULL DEFAULT '[]',
    "lastError" JSONB,
    "syncProgress" JSONB,
    "lastSyncStartedAt" TIMESTAMPTZ(3),
    "lastSyncedAt" TIMESTAMPTZ(3),
    "nextSequenceNumber" INTEGER NOT NULL DEFAULT 1,
    "removedAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Replication_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Instance" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "replicationId" UUID NOT NULL,
    "key" TEXT NOT NULL,
    "sequenceNumber" INTEGER NOT NULL,
    "isPinned" BOOLEAN NOT NULL DEFAULT false,
    "transferBytes" BIGINT NOT NULL,
    "transferSeconds" DOUBLE PRECISION NOT NULL,
    "sizeBytes" BIGINT NOT NULL,
    "quiescedType" TEXT NOT NULL,
    "disks" JSONB NOT NULL DEFAULT '[]',
    "verifiedAt" TIMESTAMPTZ(3),
    "problem" TEXT,
    "createdAt" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "Instance_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Task" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "kind" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "input" JSONB NOT NULL DEFAULT '{}',
    "checkpoint" JSONB,
    "result" JSONB,
    "error" JSONB,
    "warnings" JSONB NOT NULL DEFAULT '[]',
    "completeReason" TEXT,
    "progress" DOUBLE PRECISION,
    "phase" TEXT,
    "bytesDone" BIGINT,
    "bytesTotal" BIGINT,
    "objectsDone" BIGINT,
    "objectsTotal" BIGINT,
    "transferRate" DOUBLE PRECISION,
    "priority" INTEGER NOT NULL DEFAULT 50,
    "notBefore" TIMESTAMPTZ(3),
    "startBefore" TIMESTAMPTZ(3),
    "dueAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "waitingFor" TEXT,
    "prompt" JSONB,
    "entityKey" TEXT,
    "clientToken" TEXT,
    "clientScope" TEXT,
    "isCancellable" BOOLEAN NOT NULL DEFAULT true,
    "cancelRequestedAt" TIMESTAMPTZ(3),
    "cancelRequestedBy" TEXT,
    "leaseToken" BIGINT NOT NULL DEFAULT 0,
    "leaseExpiresAt" TIMESTAMPTZ(3),
    "workerId" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "maxAttempts" INTEGER NOT NULL DEFAULT 5,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "startedAt" TIMESTAMPTZ(3),
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finishedAt" TIMESTAMPTZ(3),
    "providerId" UUID,
    "siteId" UUID,
    "organizationId" UUID,
    "replicationId" UUID,
    "virtualMachineId" UUID,
    "resourceType" TEXT,
    "resourceId" UUID,
    "relatedResources" JSONB NOT NULL DEFAULT '[]',
    "nativeId" TEXT,
    "nativeType" TEXT,
    "nativeState" TEXT,
    "operationId" TEXT,
    "initiatedById" UUID,
    "initiatedBy" TEXT,
    "parentId" UUID,

    CONSTRAINT "Task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Event" (
    "id" BIGSERIAL NOT NULL,
    "position" BIGINT,
    "stream" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "subjectId" UUID NOT NULL,
    "payload" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "EventLog" (
    "id" INTEGER NOT NULL DEFAULT 1,
    "lastPosition" BIGINT NOT NULL DEFAULT 0,
    "prunedPosition" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "EventLog_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "User" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "username" TEXT NOT NULL,
    "displayName" TEXT,
    "passwordHash" TEXT NOT NULL,
    "roles" TEXT[],
    "disabledAt" TIMESTAMPTZ(3),
    "lastSignInAt" TIMESTAMPTZ(3),
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Session" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "userId" UUID NOT NULL,
    "tokenHash" BYTEA NOT NULL,
    "createdAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" TIMESTAMPTZ(3) NOT NULL,
    "lastUsedAt" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "revokedAt" TIMESTAMPTZ(3),
    "address" TEXT,
    "userAgent" TEXT,

    CONSTRAINT "Session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "SignInLimit" (
    "key" TEXT NOT NULL,
    "failures" INTEGER NOT NULL,
    "windowStartedAt" TIMESTAMPTZ(3) NOT NULL,
    "blockedUntil" TIMESTAMPTZ(3),

    CONSTRAINT "SignInLimit_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "_OrganizationToSite" (
    "A" UUID NOT NULL,
    "B" UUID NOT NULL,

    CONSTRAINT "_OrganizationToSite_AB_pkey" PRIMARY KEY ("A","B")
);

-- CreateIndex
CREATE UNIQUE INDEX "Provider_name_key" ON "Provider"("name");

-- CreateIndex
CREATE INDEX "Provider_createdAt_id_idx" ON "Provider"("createdAt", "id");

-- CreateIndex
CREATE INDEX "Site_providerId_name_id_idx" ON "Site"("providerId", "name", "id");

-- CreateIndex
CREATE INDEX "Site_createdAt_id_idx" ON "Site"("createdAt", "id");

-- CreateIndex
CREATE INDEX "Organization_name_id_idx" ON "Organization"("name", "id");

-- CreateIndex
CREATE INDEX "Organization_createdAt_id_idx" ON "Organization"("createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Organization_providerId_name_key" ON "Organization"("providerId", "name");

-- CreateIndex
CREATE INDEX "VirtualMachine_providerId_nativeId_idx" ON "VirtualMachine"("providerId", "nativeId");

-- CreateIndex
CREATE INDEX "VirtualMachine_siteId_name_id_idx" ON "VirtualMachine"("siteId", "name", "id");

-- CreateIndex
CREATE INDEX "VirtualMachine_organizationId_name_id_idx" ON "VirtualMachine"("organizationId", "name", "id");

-- CreateIndex
CREATE INDEX "VirtualMachine_recoveredFromId_createdAt_id_idx" ON "VirtualMachine"("recoveredFromId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "VirtualMachine_name_id_idx" ON "VirtualMachine"("name", "id");

-- CreateIndex
CREATE INDEX "VirtualMachine_createdAt_id_idx" ON "VirtualMachine"("createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "VirtualMachine_siteId_nativeId_key" ON "VirtualMachine"("siteId", "nativeId");

-- CreateIndex
CREATE UNIQUE INDEX "VirtualDisk_virtualMachineId_key_key" ON "VirtualDisk"("virtualMachineId", "key");

-- CreateIndex
CREATE INDEX "Replication_organizationId_createdAt_id_idx" ON "Replication"("organizationId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Replication_virtualMachineId_createdAt_id_idx" ON "Replication"("virtualMachineId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Replication_sourceSiteId_createdAt_id_idx" ON "Replication"("sourceSiteId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Replication_destinationSiteId_createdAt_id_idx" ON "Replication"("destinationSiteId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Replication_providerId_createdAt_id_idx" ON "Replication"("providerId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Replication_vmName_id_idx" ON "Replication"("vmName", "id");

-- CreateIndex
CREATE INDEX "Replication_createdAt_id_idx" ON "Replication"("createdAt", "id");

-- CreateIndex
CREATE INDEX "Instance_replicationId_createdAt_id_idx" ON "Instance"("replicationId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Instance_createdAt_id_idx" ON "Instance"("createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Instance_replicationId_key_key" ON "Instance"("replicationId", "key");

-- CreateIndex
CREATE UNIQUE INDEX "Instance_replicationId_sequenceNumber_key" ON "Instance"("replicationId", "sequenceNumber");

-- CreateIndex
CREATE INDEX "Task_replicationId_createdAt_id_idx" ON "Task"("replicationId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_virtualMachineId_createdAt_id_idx" ON "Task"("virtualMachineId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_siteId_createdAt_id_idx" ON "Task"("siteId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_organizationId_createdAt_id_idx" ON "Task"("organizationId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_organizationId_state_createdAt_id_idx" ON "Task"("organizationId", "state", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_providerId_createdAt_id_idx" ON "Task"("providerId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_parentId_createdAt_id_idx" ON "Task"("parentId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_state_createdAt_id_idx" ON "Task"("state", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_kind_createdAt_id_idx" ON "Task"("kind", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_createdAt_id_idx" ON "Task"("createdAt", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Task_clientScope_clientToken_key" ON "Task"("clientScope", "clientToken");

-- CreateIndex
CREATE UNIQUE INDEX "Event_position_key" ON "Event"("position");

-- CreateIndex
CREATE INDEX "Event_stream_subjectId_position_idx" ON "Event"("stream", "subjectId", "position");

-- CreateIndex
CREATE UNIQUE INDEX "User_username_key" ON "User"("username");

-- CreateIndex
CREATE UNIQUE INDEX "Session_tokenHash_key" ON "Session"("tokenHash");

-- CreateIndex
CREATE INDEX "Session_userId_createdAt_id_idx" ON "Session"("userId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "_OrganizationToSite_B_index" ON "_OrganizationToSite"("B");

-- AddForeignKey
ALTER TABLE "Site" ADD CONSTRAINT "Site_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "Provider"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Organization" ADD CONSTRAINT "Organization_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "Provider"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VirtualMachine" ADD CONSTRAINT "VirtualMachine_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "Provider"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VirtualMachine" ADD CONSTRAINT "VirtualMachine_siteId_fkey" FOREIGN KEY ("siteId") REFERENCES "Site"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VirtualMachine" ADD CONSTRAINT "VirtualMachine_organizationId_fkey" FOREIGN KEY ("organizationId") REFERENCES "Organization"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VirtualMachine" ADD CONSTRAINT "VirtualMachine_recoveredFromId_fkey" FOREIGN KEY ("recoveredFromId") REFERENCES "Replication"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "VirtualDisk" ADD CONSTRAINT "VirtualDisk_virtualMachineId_fkey" FOREIGN KEY ("virtualMachineId") REFERENCES "VirtualMachine"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "Provider"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_virtualMachineId_fkey" FOREIGN KEY ("virtualMachineId") REFERENCES "VirtualMachine"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_organizationId_fkey" FOREIGN KEY ("organizationId") REFERENCES "Organization"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_sourceSiteId_fkey" FOREIGN KEY ("sourceSiteId") REFERENCES "Site"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_destinationSiteId_fkey" FOREIGN KEY ("destinationSiteId") REFERENCES "Site"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Replication" ADD CONSTRAINT "Replication_ownerId_fkey" FOREIGN KEY ("ownerId") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Instance" ADD CONSTRAINT "Instance_replicationId_fkey" FOREIGN KEY ("replicationId") REFERENCES "Replication"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_providerId_fkey" FOREIGN KEY ("providerId") REFERENCES "Provider"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_siteId_fkey" FOREIGN KEY ("siteId") REFERENCES "Site"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_organizationId_fkey" FOREIGN KEY ("organizationId") REFERENCES "Organization"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_replicationId_fkey" FOREIGN KEY ("replicationId") REFERENCES "Replication"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_virtualMachineId_fkey" FOREIGN KEY ("virtualMachineId") REFERENCES "VirtualMachine"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_initiatedById_fkey" FOREIGN KEY ("initiatedById") REFERENCES "User"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_parentId_fkey" FOREIGN KEY ("parentId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Session" ADD CONSTRAINT "Session_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_OrganizationToSite" ADD CONSTRAINT "_OrganizationToSite_A_fkey" FOREIGN KEY ("A") REFERENCES "Organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "_OrganizationToSite" ADD CONSTRAINT "_OrganizationToSite_B_fkey" FOREIGN KEY ("B") REFERENCES "Site"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What Prisma's schema language cannot say.

-- A site's name may be used again once the site was removed.
CREATE UNIQUE INDEX "Site_providerId_name_key" ON "Site"("providerId", "name") WHERE "removedAt" IS NULL;

-- A machine is protected to a destination at most once.
CREATE UNIQUE INDEX "Replication_virtualMachineId_destinationSiteId_key" ON "Replication"("virtualMachineId", "destinationSiteId")
  WHERE "removedAt" IS NULL;

-- One active task per entity: the guard behind "only one disruptive action per replication at a time".
CREATE UNIQUE INDEX "Task_entityKey_active_key" ON "Task"("entityKey")
  WHERE "entityKey" IS NOT NULL AND "state" IN ('QUEUED', 'RUNNING', 'WAITING_FOR_INPUT', 'PAUSED', 'CANCELLING');

-- The claim reads due work in this order, and the lease index finds what a dead worker left.
CREATE INDEX "Task_claim_idx" ON "Task"("priority" DESC, "createdAt", "id") WHERE "state" = 'QUEUED';
CREATE INDEX "Task_due_idx" ON "Task"("dueAt") WHERE "state" = 'QUEUED';
CREATE INDEX "Task_lease_idx" ON "Task"("leaseExpiresAt") WHERE "leaseExpiresAt" IS NOT NULL;
CREATE INDEX "Task_waiting_idx" ON "Task"("dueAt") WHERE "leaseExpiresAt" IS NULL AND "state" IN ('RUNNING', 'CANCELLING');
CREATE INDEX "Task_startBefore_idx" ON "Task"("startBefore") WHERE "state" = 'QUEUED' AND "startBefore" IS NOT NULL;

-- The sequencer reads committed events that have no position yet.
CREATE INDEX "Event_unsequenced_idx" ON "Event"("id") WHERE "position" IS NULL;

INSERT INTO "EventLog" ("id") VALUES (1);

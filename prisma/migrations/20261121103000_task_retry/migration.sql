-- AlterTable
ALTER TABLE "Task" ADD COLUMN     "retryOfId" UUID;

-- CreateIndex
CREATE UNIQUE INDEX "Task_retryOfId_key" ON "Task"("retryOfId");

-- AddForeignKey
ALTER TABLE "Task" ADD CONSTRAINT "Task_retryOfId_fkey" FOREIGN KEY ("retryOfId") REFERENCES "Task"("id") ON DELETE SET NULL ON UPDATE CASCADE;

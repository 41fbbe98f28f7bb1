-- CreateIndex
CREATE INDEX "Task_startedAt_id_idx" ON "Task"("startedAt", "id");

-- CreateIndex
CREATE INDEX "Task_finishedAt_id_idx" ON "Task"("finishedAt", "id");

-- CreateIndex
CREATE INDEX "Task_initiatedBy_createdAt_id_idx" ON "Task"("initiatedBy", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_resourceId_createdAt_id_idx" ON "Task"("resourceId", "createdAt", "id");

-- CreateIndex
CREATE INDEX "Task_relatedResources_idx" ON "Task" USING GIN ("relatedResources" jsonb_path_ops);

-- What Prisma's schema language cannot say.

-- The few tasks that go on, among all that have ended.
CREATE INDEX "Task_active_idx" ON "Task"("createdAt", "id") WHERE "finishedAt" IS NULL;
-- The few that failed: a search in their messages reads no others.
CREATE INDEX "Task_failed_idx" ON "Task"("createdAt", "id") WHERE "error" IS NOT NULL;
CREATE INDEX "Task_operationId_idx" ON "Task"("operationId") WHERE "operationId" IS NOT NULL;
CREATE INDEX "Task_nativeId_idx" ON "Task"("nativeId") WHERE "nativeId" IS NOT NULL;

-- A task's place in the queue: the moment from which it could start, moved back by 6 minutes for each point of its priority. It never
-- changes while the task waits, so that an index has it, and yet a task that waits overtakes younger ones of any higher priority in time.
DROP INDEX "Task_claim_idx";
CREATE INDEX "Task_claim_idx"
  ON "Task"((greatest("createdAt", "notBefore") AT TIME ZONE 'UTC' - "priority" * interval '6 minutes'), "id")
  WHERE "state" = 'QUEUED';

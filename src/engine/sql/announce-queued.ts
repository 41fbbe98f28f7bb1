/** Which of the tasks $1 are committed by now; wakes workers and sequencers if any is. */
export const announceQueuedSql = {
  name: 'engine-announce-queued',
  text: `
SELECT "id", pg_notify('drgraph_task', ''), pg_notify('drgraph_event', '') FROM "Task" WHERE "id" = ANY($1::uuid[])`,
};

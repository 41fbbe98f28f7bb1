/** What decides how task $1 can be cancelled. */
export const findTaskSql = {
  name: 'engine-find-task',
  text: `SELECT "kind", "state", "isCancellable", "input" FROM "Task" WHERE "id" = $1::uuid`,
};

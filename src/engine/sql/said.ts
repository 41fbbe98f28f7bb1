// What a job says of its progress, as two statements take it: while it runs (flush-progress) and with its end (end-tasks).

/** The columns of progress in a list of JSON objects. */
export const saidColumns = `"warnings" jsonb, "percent" float8, "phase" text, "bytesDone" bigint, "bytesTotal" bigint,
    "objectsDone" bigint, "objectsTotal" bigint, "transferRate" float8`;

/** Sets a task's columns from the row `said` of such a list: what it leaves out keeps its value, a warning is kept once. */
export function setSaid(said: string): string {
  return `"warnings" = task."warnings" || coalesce(
      (SELECT jsonb_agg(warning) FROM jsonb_array_elements(${said}."warnings") AS warning
        WHERE NOT task."warnings" @> jsonb_build_array(warning)), '[]'),
    "progress" = coalesce(${said}."percent", task."progress"),
    "phase" = coalesce(${said}."phase", task."phase"),
    "bytesDone" = coalesce(${said}."bytesDone", task."bytesDone"),
    "bytesTotal" = coalesce(${said}."bytesTotal", task."bytesTotal"),
    "objectsDone" = coalesce(${said}."objectsDone", task."objectsDone"),
    "objectsTotal" = coalesce(${said}."objectsTotal", task."objectsTotal"),
    "transferRate" = coalesce(${said}."transferRate", task."transferRate")`;
}

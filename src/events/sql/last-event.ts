/** The position of the last sequenced event of stream $1 about subject $2. */
export const lastEventSql = {
  name: 'events-last',
  // Ordered by the column, not by its text: the name alone would mean the text.
  text: `
SELECT event."position"::text AS "position" FROM "Event" AS event
WHERE event."stream" = $1::text AND event."subjectId" = $2::uuid AND event."position" IS NOT NULL
ORDER BY event."position" DESC LIMIT 1`,
};

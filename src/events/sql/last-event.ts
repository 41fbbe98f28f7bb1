/** The position of the last sequenced event of stream $1 about subject $2. */
export const lastEventSql = {
  name: 'events-last',
  text: `
SELECT "position"::text AS "position" FROM "Event"
WHERE "stream" = $1::text AND "subjectId" = $2::uuid AND "position" IS NOT NULL
ORDER BY "position" DESC LIMIT 1`,
};

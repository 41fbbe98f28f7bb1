import { createHash } from 'node:crypto';
import type { Domain } from './context.ts';

/** Failed tries for one account from one address, and from one address for any account, in a window of minutes. */
export const signInLimits = { perAccountAndAddress: 10, perAddress: 50, windowMinutes: 15 } as const;

// There is deliberately no limit for an account from all addresses together: it would let anybody lock the only
// administrator out, on the day of a disaster, by failing on purpose.

export interface SignInTry {
  /** As it was typed; kept only as a hash, because people type passwords into the wrong field. */
  username: string;
  address: string;
}

function limitKeys({ username, address }: SignInTry): { account: string; address: string } {
  const account = createHash('sha256').update(username).digest('base64url');
  return { account: `account:${account}@${address}`, address: `address:${address}` };
}

/**
 * Counts a try as failed before it is made, so that tries made at once are all counted, and tells when to try again
 * if there were too many; null: go ahead. A try that is refused here is not made at all and prolongs nothing.
 */
export async function takeSignInTry({ prisma }: Pick<Domain, 'prisma'>, attempt: SignInTry): Promise<Date | null> {
  const keys = limitKeys(attempt);
  // The rows are inserted in the order of their keys, so two tries at once cannot lock each other out.
  const rows = await prisma.$queryRaw<{ blockedUntil: Date | null }[]>`
    INSERT INTO "SignInLimit" AS tries (key, failures, "windowStartedAt", "blockedUntil")
    SELECT given.key, 1, now(), NULL
      FROM unnest(${[keys.account, keys.address]}::text[]) AS given (key) ORDER BY given.key
    ON CONFLICT (key) DO UPDATE SET
      failures = CASE WHEN tries."windowStartedAt" < now() - make_interval(mins => ${signInLimits.windowMinutes}::int)
        THEN 1 ELSE LEAST(tries.failures + 1, 1000) END,
      "windowStartedAt" = CASE WHEN tries."windowStartedAt" < now() - make_interval(mins => ${signInLimits.windowMinutes}::int)
        THEN now() ELSE tries."windowStartedAt" END,
      "blockedUntil" = CASE
        WHEN tries."windowStartedAt" < now() - make_interval(mins => ${signInLimits.windowMinutes}::int) THEN NULL
        WHEN tries.failures + 1 > CASE WHEN tries.key LIKE 'account:%'
          THEN ${signInLimits.perAccountAndAddress}::int ELSE ${signInLimits.perAddress}::int END
        THEN tries."windowStartedAt" + make_interval(mins => ${signInLimits.windowMinutes}::int) END
    RETURNING "blockedUntil"`;
  const blocked = rows.flatMap(({ blockedUntil }) => (blockedUntil === null ? [] : [blockedUntil.getTime()]));
  return blocked.length === 0 ? null : new Date(Math.max(...blocked));
}

/** Takes back the try that succeeded: the account starts afresh from this address. Forgets windows that are over. */
export async function forgiveSignInTry({ prisma }: Pick<Domain, 'prisma'>, attempt: SignInTry): Promise<void> {
  const keys = limitKeys(attempt);
  await prisma.$executeRaw`
    UPDATE "SignInLimit" SET failures = GREATEST(failures - 1, 0), "blockedUntil" = NULL WHERE key = ${keys.address}`;
  await prisma.$executeRaw`
    DELETE FROM "SignInLimit"
    WHERE key = ${keys.account} OR "windowStartedAt" < now() - make_interval(mins => ${signInLimits.windowMinutes}::int)`;
}

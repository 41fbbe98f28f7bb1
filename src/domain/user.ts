import { Prisma, type User } from '../../prisma/client/client.ts';
import type { Domain } from './context.ts';
import { ConflictError, InvalidInputError, NotFoundError } from './error.ts';
import { generatePassword, hashPassword, passwordProblems } from './password.ts';
import type { Role } from './viewer.ts';

type Store = Pick<Domain, 'prisma'>;

/** User names are compared without regard to case and outer spaces: `Admin` and `admin` are one person. */
export function normalUsername(username: string): string {
  return username.trim().toLowerCase();
}

const usernamePattern = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;

/** True for a normal user name that somebody can have; the database need not be asked about any other. */
export function isUsername(username: string): boolean {
  return usernamePattern.test(username);
}

/**
 * Adds a user who can sign in at once.
 * @throws InvalidInputError for a user name or a password that may not be used, @throws ConflictError for a taken name.
 */
export async function createUser(
  { prisma }: Store,
  input: { username: string; password: string; roles: readonly Role[]; displayName?: string | null },
): Promise<User> {
  const username = normalUsername(input.username);
  const problems = passwordProblems(input.password, username);
  if (!isUsername(username)) {
    const message = 'A user name has 1 to 64 letters, digits or . _ @ + - and starts with a letter or a digit.';
    problems.unshift({ path: ['username'], message });
  }
  if (input.roles.length === 0) problems.push({ path: ['roles'], message: 'A user has at least one role.' });
  if (problems.length > 0) throw new InvalidInputError(problems);
  const passwordHash = await hashPassword(input.password);
  try {
    return await prisma.user.create({
      data: { username, passwordHash, roles: [...new Set(input.roles)], displayName: input.displayName ?? null },
    });
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') {
      throw new ConflictError(
        `There is already a user "${username}": choose another name, or set that user's password.`,
      );
    }
    throw error;
  }
}

/**
 * Gives a user another password and ends all sessions of that user.
 * @throws NotFoundError, @throws InvalidInputError for a password that may not be used.
 */
export async function setPassword({ prisma }: Store, input: { username: string; password: string }): Promise<User> {
  const username = normalUsername(input.username);
  const problems = passwordProblems(input.password, username);
  if (problems.length > 0) throw new InvalidInputError(problems);
  const passwordHash = await hashPassword(input.password);
  return prisma.$transaction(async (tx) => {
    const [user] = await tx.user.updateManyAndReturn({ where: { username }, data: { passwordHash } });
    if (user === undefined) throw new NotFoundError(`There is no user "${username}".`);
    await tx.$executeRaw`UPDATE "Session" SET "revokedAt" = now() WHERE "userId" = ${user.id}::uuid AND "revokedAt" IS NULL`;
    return user;
  });
}

/** All users, by name. */
export function listUsers({ prisma }: Store): Promise<User[]> {
  return prisma.user.findMany({ orderBy: { username: 'asc' } });
}

/** The name of the user that the first start makes. */
export const administratorName = 'admin';

/**
 * At the first start, when there is no user at all, makes the administrator; null when there are users already. The password
 * comes back only if it was generated here, to be shown once.
 * @throws InvalidInputError when the given password may not be used.
 */
export async function ensureAdministrator(
  { prisma }: Store,
  givenPassword: string | undefined,
): Promise<{ username: string; generatedPassword: string | null } | null> {
  if ((await prisma.user.findFirst({ select: { id: true } })) !== null) return null;
  const password = givenPassword ?? generatePassword();
  const problems = passwordProblems(password, administratorName, ['DRGRAPH_ADMIN_PASSWORD']);
  if (problems.length > 0) throw new InvalidInputError(problems);
  // Two processes may start at once on an empty database: the second one's insert does nothing.
  const { count } = await prisma.user.createMany({
    data: [
      { username: administratorName, passwordHash: await hashPassword(password), roles: ['ADMINISTRATOR', 'OPERATOR'] },
    ],
    skipDuplicates: true,
  });
  if (count === 0) return null;
  return { username: administratorName, generatedPassword: givenPassword === undefined ? password : null };
}

import type { Config } from '../config.ts';
import { createUser, listUsers, setPassword } from '../domain/user.ts';
import type { Role } from '../domain/viewer.ts';
import { withDatabase } from './open.ts';
import { readPassword } from './password.ts';
import { table } from './table.ts';

/** `drgraph user create`. */
export async function createUserCommand(
  config: Config,
  input: { username: string; roles: readonly Role[]; displayName?: string | undefined },
): Promise<void> {
  const password = await readPassword();
  const user = await withDatabase(config, (database) => createUser(database, { ...input, password }));
  process.stdout.write(`Created the user ${user.username} (${user.roles.join(', ')}).\n`);
}

/** `drgraph user set-password`. */
export async function setPasswordCommand(config: Config, username: string): Promise<void> {
  const password = await readPassword();
  const user = await withDatabase(config, (database) => setPassword(database, { username, password }));
  process.stdout.write(`Set the password of ${user.username} and ended all sessions of that user.\n`);
}

/** `drgraph user list`. */
export async function listUsersCommand(config: Config): Promise<void> {
  const users = await withDatabase(config, (database) => listUsers(database));
  const rows = users.map((user) => [
    user.username,
    user.displayName ?? '',
    user.roles.join(', '),
    user.disabledAt === null ? 'active' : 'disabled',
    user.lastSignInAt?.toISOString() ?? 'never',
  ]);
  process.stdout.write(table([['USER', 'NAME', 'ROLES', 'STATE', 'LAST SIGN-IN'], ...rows]));
}

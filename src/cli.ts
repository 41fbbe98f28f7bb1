import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError, readConfig } from './config.ts';
import { type Role, roles } from './domain/viewer.ts';

// What a command needs is imported when it runs: --help answers at once.

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.

The environment and the file .env in the current folder configure every command; see the README for the variables.
No command needs the service stopped: commands join the database that the service uses, also the embedded one, and leave
it running for the service. Without a service they start the embedded database, and stop it at their end.`;

function passwordHelp(command: string): string {
  return `
The password is asked for without showing it. Where there is no terminal it is the first line of the standard input:
  printf '%s\\n' "$PASSWORD" | drgraph user ${command} alice
It is never an argument, because other users of a machine can read those. The service may be running.`;
}

const { version }: { version: string } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

function program(): Command {
  const drgraph = new Command('drgraph')
    .description('One GraphQL API over disaster recovery and backup systems, with a replication engine of its own.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', exitCodes)
    .showHelpAfterError('Run it with --help to see what there is.')
    .exitOverride();

  drgraph
    .command('start')
    .description('run the service until it is told to stop (Ctrl-C or SIGTERM)')
    .addHelpText('after', '\nSeveral services may run on one database: they share its tasks.')
    .action(async () => {
      const config = readConfig();
      const { startFailure, startService } = await import('./main.ts');
      try {
        await startService(config);
        process.exit(0);
      } catch (error) {
        process.stderr.write(startFailure(error));
        process.exit(1);
      }
    });

  drgraph
    .command('migrate')
    .description('bring the database to the schema of this version; "start" does it by itself')
    .addHelpText('after', '\nA lock lets one process migrate at a time: a service that starts meanwhile waits.')
    .action(async () => (await import('./cli/migrate.ts')).migrateCommand(readConfig()));

  drgraph
    .command('doctor')
    .description('check configuration, database, disk space and sites, and say what to do')
    .addHelpText('after', '\nChanges nothing. Exit code 1 when something is wrong. The service may be running or not.')
    .action(async () => {
      const { doctorCommand } = await import('./cli/doctor.ts');
      process.exitCode = (await doctorCommand(readConfig)) ? 0 : 1;
    });

  const user = drgraph.command('user').description('create users, set their passwords, list them');
  user
    .command('create')
    .description('create a user who can sign in at once')
    .argument('<username>', 'letters, digits and . _ @ + -; case does not matter')
    .addOption(
      new Option('-r, --role <role...>', 'what the user may do')
        .choices(roles.filter((role) => role !== 'WORKER'))
        .default(['OPERATOR']),
    )
    .option('-n, --display-name <name>', 'the name that people see')
    .addHelpText('after', passwordHelp('create'))
    .action(async (username: string, options: { role: Role[]; displayName?: string }) => {
      const { createUserCommand } = await import('./cli/user.ts');
      await createUserCommand(readConfig(), { username, roles: options.role, displayName: options.displayName });
    });
  user
    .command('set-password')
    .description("set a user's password and end all sessions of that user")
    .argument('<username>', 'who gets the password')
    .addHelpText('after', passwordHelp('set-password'))
    .action(async (username: string) => (await import('./cli/user.ts')).setPasswordCommand(readConfig(), username));
  user
    .command('list')
    .description('list the users')
    .action(async () => (await import('./cli/user.ts')).listUsersCommand(readConfig()));

  const task = drgraph.command('task').description('list the tasks, follow one to its end');
  task
    .command('list')
    .description('list the newest tasks, the newest first')
    .option('-a, --active', 'only those that have not ended', false)
    .addOption(
      new Option('-n, --limit <number>', 'how many at most, 1 to 500').default(20).argParser((text) => {
        const limit = Number(text);
        if (Number.isInteger(limit) && limit >= 1 && limit <= 500) return limit;
        throw new InvalidArgumentError('Give a whole number from 1 to 500.');
      }),
    )
    .action(async (options: { active: boolean; limit: number }) => {
      const { listTasksCommand } = await import('./cli/task.ts');
      await listTasksCommand(readConfig(), { isActive: options.active, limit: options.limit });
    });
  task
    .command('watch')
    .description('show the progress of a task until it has ended')
    .argument('<id>', 'as "drgraph task list" or the API names it')
    .addHelpText('after', '\nExit code 0 when it SUCCEEDED, 1 otherwise. Ctrl-C stops watching; the task goes on.')
    .action(async (id: string) => {
      const { watchTaskCommand } = await import('./cli/task.ts');
      process.exitCode = (await watchTaskCommand(readConfig(), id)) ? 0 : 1;
    });
  return drgraph;
}

/** Commander has printed its own message already; what is expected needs no stack. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`drgraph: ${message}\n`);
  if (error instanceof Error && process.env.LOG_LEVEL === 'debug') process.stderr.write(`${error.stack}\n`);
  return error instanceof ConfigError ? 2 : 1;
}

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

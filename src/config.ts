import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** What the service and the command are told by the environment. Parsed once, at the start. */
export interface Config {
  host: string;
  /** 0: any free port. */
  port: number;
  /** Undefined: the embedded PostgreSQL in the data folder. */
  databaseUrl: string | undefined;
  /** An absolute path. */
  dataDir: string;
  /** For the administrator that the first start makes; undefined: one is generated. */
  adminPassword: string | undefined;
  /** 32 bytes; undefined: a key file in the data folder. */
  secretKey: Buffer | undefined;
  /** `auto`: a sample is made in an embedded database that is empty. */
  sample: 'auto' | 'off';
  /** Where clients reach the service, without a slash at the end; undefined: where it listens. */
  publicUrl: string | undefined;
  logLevel: LogLevel;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One setting that cannot be used. */
export interface ConfigProblem {
  variable: string;
  /** As it may be shown: secrets are left out. */
  was: string;
  mayBe: string;
}

/** Everything that is wrong with the environment, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    const list = problems.map(({ variable, was, mayBe }) => `  ${variable}\n    is      ${was}\n    may be  ${mayBe}`);
    const count = problems.length === 1 ? 'One setting is wrong' : `${problems.length} settings are wrong`;
    super(`${count} (environment or .env):\n\n${list.join('\n\n')}\n`);
    this.problems = problems;
  }
}

const schema = z.object({
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9._:%-]+$/)
    .default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .refine((port) => port <= 65_535)
    .default(4000),
  DATABASE_URL: z.string().refine(isDatabaseUrl).optional(),
  DRGRAPH_DATA_DIR: z
    .string()
    .default('./data')
    .transform((path) => resolve(path))
    .refine(isFolderOrAbsent),
  DRGRAPH_ADMIN_PASSWORD: z
    .string()
    .min(12)
    .max(1024)
    .refine((password) => new Set(password).size >= 5)
    .optional(),
  DRGRAPH_SECRET_KEY: z.string().transform(decodeKey).pipe(z.instanceof(Buffer)).optional(),
  DRGRAPH_SAMPLE: z.enum(['auto', 'off']).default('auto'),
  DRGRAPH_PUBLIC_URL: z
    .string()
    .refine(isPublicUrl)
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  LOG_LEVEL: z.string().toLowerCase().pipe(z.enum(logLevels)).default('info'),
});
type Variable = keyof z.infer<typeof schema>;

const variables: Record<Variable, { mayBe: string; show?: (value: string) => string }> = {
  HOST: { mayBe: 'a host name or an IP address to listen at, for example 127.0.0.1 (the default) or 0.0.0.0' },
  PORT: { mayBe: 'a whole number from 0 to 65535; 0 takes any free port; the default is 4000' },
  DATABASE_URL: {
    mayBe: 'postgresql://user:password@host:5432/database; leave it out for the embedded PostgreSQL',
    show: withoutPassword,
  },
  DRGRAPH_DATA_DIR: { mayBe: 'a folder, which is made if it does not exist; the default is ./data' },
  DRGRAPH_ADMIN_PASSWORD: {
    mayBe: '12 to 1024 characters, five different ones at least; leave it out to have one generated',
    show: hidden,
  },
  DRGRAPH_SECRET_KEY: {
    mayBe:
      '32 random bytes in base64 or hexadecimal (openssl rand -base64 32); leave it out for a key file in the data folder',
    show: hidden,
  },
  DRGRAPH_SAMPLE: { mayBe: 'auto (the default: a sample in an embedded database that is empty) or off' },
  DRGRAPH_PUBLIC_URL: { mayBe: 'an address such as https://dr.example.com, without user, query or fragment' },
  LOG_LEVEL: { mayBe: `${logLevels.join(', ')}; the default is info` },
};

/**
 * Reads the environment. An empty variable counts as left out.
 * @throws ConfigError with every mistake at once.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  const wrong = new Set(parsed.error?.issues.map((issue) => String(issue.path[0])));
  const problems = Object.entries(variables)
    .filter(([variable]) => wrong.has(variable))
    .map(([variable, { mayBe, show = JSON.stringify }]) => ({ variable, was: show(given[variable] ?? ''), mayBe }));
  problems.push(...unknownVariables(given));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const settings = parsed.data;
  return {
    host: settings.HOST,
    port: settings.PORT,
    databaseUrl: settings.DATABASE_URL,
    dataDir: settings.DRGRAPH_DATA_DIR,
    adminPassword: settings.DRGRAPH_ADMIN_PASSWORD,
    secretKey: settings.DRGRAPH_SECRET_KEY,
    sample: settings.DRGRAPH_SAMPLE,
    publicUrl: settings.DRGRAPH_PUBLIC_URL,
    logLevel: settings.LOG_LEVEL,
  };
}

/** A misspelt name would silently leave the default. */
function unknownVariables(given: Readonly<Record<string, unknown>>): ConfigProblem[] {
  const own = Object.keys(variables).filter((variable) => variable.startsWith('DRGRAPH_'));
  return Object.keys(given)
    .filter((variable) => variable.startsWith('DRGRAPH_') && !own.includes(variable))
    .map((variable) => ({ variable, was: 'not a setting of drgraph', mayBe: `left out; there are ${own.join(', ')}` }));
}

function hidden(value: string): string {
  return `${value.length} characters (not shown)`;
}

function isDatabaseUrl(value: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(value) || !URL.canParse(value)) return false;
  return new URL(value).pathname.length > 1;
}

function isPublicUrl(value: string): boolean {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return `${username}${password}${search}${hash}` === '';
}

function isFolderOrAbsent(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true;
}

function decodeKey(value: string): Buffer | undefined {
  const encoding = /^[0-9a-f]{64}$/i.test(value) ? 'hex' : 'base64';
  if (encoding === 'base64' && !/^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return undefined;
  const key = Buffer.from(value, encoding);
  return key.length === 32 ? key : undefined;
}

/** A connection URL that may be shown and logged. What cannot be told from a password is left out. */
export function withoutPassword(url: string): string {
  if (!/^\w+:\/\//.test(url) || !URL.canParse(url)) return hidden(url);
  const shown = new URL(url);
  if (shown.password !== '') shown.password = '***';
  for (const name of shown.searchParams.keys()) {
    if (/password/i.test(name)) shown.searchParams.set(name, '***');
  }
  return shown.href;
}

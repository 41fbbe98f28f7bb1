import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import type { FieldProblem } from './error.ts';

// argon2id (the library's default algorithm), 64 MiB, three passes, one lane: about 0.1 s a try on one core.
const argon2Options = { memoryCost: 64 * 1024, timeCost: 3, parallelism: 1 };

/** Hashing runs on libuv's pool of four threads: two tries at once leave two for files, and hold 128 MiB at most. */
const hashingSlots = 2;

/** Passwords shorter than this are refused. */
export const minimumPasswordLength = 12;
const maximumPasswordLength = 1024;

let free = hashingSlots;
const waiting: (() => void)[] = [];

async function inHashingSlot<Result>(work: () => Promise<Result>): Promise<Result> {
  if (free > 0) free -= 1;
  else await new Promise<void>((start) => waiting.push(start));
  try {
    return await work();
  } finally {
    // A slot is handed on as it is; it becomes free only when nobody waits.
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
}

/** Gives the argon2id hash to store. */
export function hashPassword(password: string): Promise<string> {
  return inHashingSlot(() => hash(password, argon2Options));
}

let nobodysHash: Promise<string> | undefined;

/**
 * Tells whether the password belongs to the hash. Without a hash (no such user) it does the same work against a hash that no
 * password has, so that neither the answer nor its time tells which user names exist.
 */
export async function verifyPassword(passwordHash: string | null, password: string): Promise<boolean> {
  nobodysHash ??= hashPassword(randomBytes(32).toString('base64url'));
  const dummy = await nobodysHash;
  const matches = await inHashingSlot(() => verify(passwordHash ?? dummy, password));
  return passwordHash !== null && matches;
}

/** What is wrong with a new password, at the given input path; empty when it may be used. */
export function passwordProblems(password: string, username: string, path: string[] = ['password']): FieldProblem[] {
  if (password.length < minimumPasswordLength) {
    return [
      {
        path,
        message: `A password has at least ${minimumPasswordLength} characters; this one has ${password.length}.`,
      },
    ];
  }
  if (password.length > maximumPasswordLength) {
    return [{ path, message: `A password has at most ${maximumPasswordLength} characters.` }];
  }
  if (password.toLowerCase() === username.toLowerCase() || new Set(password).size < 5) {
    return [
      {
        path,
        message: 'This password is too easy to guess: use at least five different characters, and not the user name.',
      },
    ];
  }
  return [];
}

/** A password that nobody has to think of: 120 random bits in letters and digits that are hard to mistake for each other. */
export function generatePassword(): string {
  const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';
  const letters = Array.from(randomBytes(24), (byte) => alphabet.charAt(byte % alphabet.length));
  return (letters.join('').match(/.{6}/g) ?? letters).join('-');
}

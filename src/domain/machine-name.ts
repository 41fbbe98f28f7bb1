import { InvalidInputError } from './error.ts';

/** Longest name of a machine that an action makes: with an ending it still fits every file system's 255 bytes. */
const longestName = 100;

// Control, format, surrogate, private and line-separating characters: names are also folders that people type.
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/u;

/** What is wrong with a name that becomes a folder's name, or undefined. */
export function machineNameProblem(name: string): string | undefined {
  if (name.trim() !== name || name === '') return 'Give a name without spaces at its ends.';
  if (Buffer.byteLength(name) > 200 || [...name].length > longestName) {
    return `It has ${[...name].length} characters; use at most ${longestName} (200 bytes).`;
  }
  if (/[/\\:]/.test(name)) return 'It becomes the name of one folder: leave out slashes, backslashes and colons.';
  if (unprintable.test(name)) return 'Leave out control and other unprintable characters.';
  if (name.startsWith('.')) return 'Do not begin it with a dot.';
  return undefined;
}

/** The name if it can be a folder's; InvalidInputError on `path` if not. */
export function checkMachineName(name: string, path: string[]): string {
  const message = machineNameProblem(name);
  if (message !== undefined) throw new InvalidInputError([{ path, message }]);
  return name;
}

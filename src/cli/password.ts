import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Where a password comes from: a terminal, or whatever is piped in. */
export interface PasswordInput {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  /** Questions go here; what is typed does not. */
  output: NodeJS.WritableStream;
}

/**
 * Asks twice at a terminal, without showing what is typed; elsewhere reads the first line.
 * @throws when the answers differ, when there is none, or on Ctrl-C.
 */
export async function readPassword(
  { input, output }: PasswordInput = { input: process.stdin, output: process.stderr },
): Promise<string> {
  const terminal = input.isTTY === true;
  // In terminal mode readline edits the line and echoes it: to nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input, output: nowhere, terminal, historySize: 0 });
  reader.once('SIGINT', () => reader.close());
  const lines = reader[Symbol.asyncIterator]();
  const ask = async (question: string) => {
    if (terminal) output.write(question);
    const line = await lines.next();
    if (terminal) output.write('\n');
    if (line.done === true) {
      throw new Error(
        terminal ? 'Cancelled. Nothing was changed.' : 'No password was given: the standard input is empty.',
      );
    }
    return line.value;
  };
  try {
    const password = await ask('Password: ');
    if (terminal && (await ask('The same again: ')) !== password) {
      throw new Error('The two passwords differ. Nothing was changed.');
    }
    return password;
  } finally {
    reader.close();
  }
}

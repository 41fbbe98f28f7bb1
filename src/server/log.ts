import pino, { type DestinationStream, type Logger } from 'pino';

/**
 * The service's log: JSON lines on standard error, or, where that is a terminal, lines for people. Standard output is for what
 * the service says to the person who started it. Written synchronously: the last line before an end is there.
 */
export function createLogger(level: string): Logger {
  const destination = pino.destination({ fd: 2, sync: true });
  return pino(
    { level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime },
    process.stderr.isTTY ? forPeople(destination) : destination,
  );
}

function forPeople(destination: DestinationStream): DestinationStream {
  return {
    write(line) {
      const { level, time, msg, err, ...facts }: Record<string, unknown> = JSON.parse(line);
      const said = Object.entries(facts).map(
        ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
      );
      const stack = typeof err === 'object' && err !== null && 'stack' in err ? `\n${err.stack}` : '';
      const label = pino.levels.labels[Number(level)] ?? 'log';
      destination.write(`${String(time).slice(11, 19)} ${label.padEnd(5)} ${[msg, ...said].join('  ')}${stack}\n`);
    },
  };
}

import { ConnectorError } from '../connectors/connector.ts';
import { DomainError } from '../domain/error.ts';
import { JobFailure } from '../engine/job.ts';

/**
 * Runs a connector's action inside a job. What the provider refused or could not do fails the task with the connector's
 * code and message; work that was cut short says why it was, so that the engine can tell a cancel from a failure.
 */
export async function atProvider<Result>(signal: AbortSignal, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof ConnectorError) {
      throw new JobFailure({ code: error.code, message: error.message }, { cause: error });
    }
    if (error instanceof DomainError) {
      throw new JobFailure({ code: error.code, message: error.message }, { cause: error });
    }
    throw error;
  }
}

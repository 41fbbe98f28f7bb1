import { type DocumentNode, type GraphQLError, type GraphQLSchema, getOperationAST } from 'graphql';
import type { GraphQLParams, Plugin } from 'graphql-yoga';
import type { Logger } from 'pino';
import { operationCost } from './cost.ts';
import { clientError, sessionEnded } from './failure.ts';
import { type DocumentLimits, documentProblem, limitError, limitedParse } from './limit.ts';
import type { RequestFacts } from './request.ts';
import type { SessionWatch } from './session-watch.ts';
import { guardStream } from './stream.ts';

/** What the server adds to each operation's context, beside the graph's own. */
export interface OperationContext {
  facts: RequestFacts;
  params: GraphQLParams;
}

interface OperationArgs {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null;
  variableValues?: { readonly [name: string]: unknown } | null;
  contextValue: OperationContext;
}

/**
 * What happens to every operation, however it came: limits before the work, errors translated after it, one line of log, and
 * for a subscription an end when its session ends.
 */
export function operationPipeline(options: {
  limits: DocumentLimits;
  sessions: SessionWatch;
  log: Logger;
}): Plugin<OperationContext> {
  const { limits, sessions, log } = options;
  const parseWithinLimits = limitedParse(limits);

  /** The error of an operation that would answer too much; undefined when it may run. */
  function costProblem({ schema, document, operationName, variableValues }: OperationArgs): GraphQLError | undefined {
    const cost = operationCost(schema, document, operationName, variableValues ?? {});
    if (cost <= limits.cost) return undefined;
    const message = `This operation asks for up to ${cost} objects; ${limits.cost} are allowed. Ask for smaller pages.`;
    return limitError(message, 'cost', limits.cost, cost);
  }

  return {
    onParse({ setParseFn }) {
      setParseFn(parseWithinLimits);
    },
    onValidate({ params, setResult }) {
      const problem = documentProblem(params.documentAST, limits);
      if (problem !== undefined) setResult([problem]);
    },
    onExecute({ args, setResultAndStopExecution }) {
      const { facts } = args.contextValue;
      const finish = operationLine(log, args, facts);
      const problem = costProblem(args);
      if (problem !== undefined) {
        finish([problem]);
        setResultAndStopExecution({ errors: [problem] });
        return undefined;
      }
      return {
        onExecuteDone({ result, setResult }) {
          if (isStream(result)) return;
          const errors = result.errors?.map((error) => clientError(error, facts.requestId, log));
          finish(errors);
          if (errors !== undefined) setResult({ ...result, errors });
        },
      };
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const { facts } = args.contextValue;
      const finish = operationLine(log, args, facts);
      const problem = costProblem(args);
      if (problem !== undefined) {
        finish([problem]);
        setResultAndStopExecution({ errors: [problem] });
        return undefined;
      }
      return {
        onSubscribeResult({ result, setResult }) {
          if (!isStream(result)) {
            const errors = result.errors?.map((error) => clientError(error, facts.requestId, log));
            finish(errors);
            if (errors !== undefined) setResult({ ...result, errors });
            return;
          }
          let lastErrors: GraphQLError[] | undefined;
          let unwatch: (() => void) | undefined;
          const guarded = guardStream(result, {
            failure: facts.transport === 'websocket' ? 'throw' : 'result',
            translate(error) {
              const translated = clientError(error, facts.requestId, log);
              lastErrors = [translated];
              return translated;
            },
            onClosed() {
              unwatch?.();
              finish(lastErrors);
            },
          });
          if (facts.viewer !== null)
            unwatch = sessions.watch(facts.viewer.sessionId, () => guarded.end(sessionEnded()));
          setResult(guarded.stream);
        },
      };
    },
  };
}

function isStream<Result>(result: Result | AsyncIterableIterator<Result>): result is AsyncIterableIterator<Result> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}

/** Starts the clock of an operation; the function returned writes its line, with names and codes but never values. */
function operationLine(
  log: Logger,
  { document, operationName }: OperationArgs,
  { requestId, operationId, viewer, transport }: RequestFacts,
): (errors: readonly GraphQLError[] | undefined) => void {
  const startedAt = performance.now();
  const operation = getOperationAST(document, operationName);
  return (errors) => {
    log.info(
      {
        requestId,
        operationId: operationId ?? undefined,
        operation: operation?.name?.value,
        type: operation?.operation,
        transport,
        user: viewer?.username,
        durationMs: Math.round((performance.now() - startedAt) * 10) / 10,
        errors: errors?.map(({ extensions, message }) => extensions.code ?? message.slice(0, 100)),
      },
      'operation',
    );
  };
}

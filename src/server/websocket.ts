import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ExecutionArgs, type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
import { CloseCode, type Context, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws';
import type { Logger } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Viewer } from '../domain/viewer.ts';
import { clientError } from './failure.ts';
import { type GraphqlServer, maximumBodyBytes } from './graphql.ts';
import { limitError } from './limit.ts';
import { bearerToken, clientAddress, cookieToken, isOwnOrigin, type RequestFacts, requestIds } from './request.ts';

/** What one client may hold open. */
export interface SocketLimits {
  sockets: number;
  operationsPerSocket: number;
  /** How long a client has for its ConnectionInit. */
  initTimeoutMs: number;
  /** A socket that answers no ping for this long is gone. */
  pingMs: number;
}

/** Twice the subscribers that the service is built for. */
export const defaultSocketLimits: SocketLimits = {
  sockets: 20_000,
  operationsPerSocket: 100,
  initTimeoutMs: 5_000,
  pingMs: 15_000,
};

/**
 * What may lie unsent for a client that asks for more. Every ping is answered with its own payload: whoever sends and never
 * reads made the process grow by a gigabyte in seconds, without a session.
 */
const maximumUnsentBytes = 16 * 1024 * 1024;

interface SocketExtra {
  request: IncomingMessage;
  /** Set once the client has been let in. */
  token: string | null;
  /** Aborted when the socket is closed. */
  gone: AbortSignal;
}

/** The WebSocket half of the server: protocol graphql-transport-ws at /graphql. */
export interface GraphqlSockets {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Closes every socket with 1001, and ends those that do not answer within the time. */
  close(graceMs: number): Promise<void>;
}

/** Builds it. `authenticate` is asked again for every operation, so that a session that ended starts nothing more. */
export function createGraphqlSockets(options: {
  graphql: GraphqlServer;
  authenticate(token: string): Promise<Viewer | null>;
  publicUrl: string | undefined;
  limits: SocketLimits;
  log: Logger;
}): GraphqlSockets {
  const { graphql, authenticate, publicUrl, limits, log } = options;
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maximumBodyBytes,
    handleProtocols: (offered) => handleProtocols(offered),
  });
  const { execute, subscribe } = graphql.getEnveloped({});
  let isClosing = false;

  function factsOf({ request, gone }: SocketExtra, viewer: Viewer | null): RequestFacts {
    return {
      ...requestIds(request),
      address: clientAddress(request, publicUrl),
      userAgent: request.headers['user-agent'] ?? null,
      viewer,
      transport: 'websocket',
      signal: gone,
      setSessionCookie() {},
    };
  }

  async function prepare(
    extra: SocketExtra,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const facts = factsOf(extra, extra.token === null ? null : await authenticate(extra.token));
    const enveloped = graphql.getEnveloped({ facts, params: payload });
    const document = enveloped.parse(payload.query);
    const operation = getOperationAST(document, payload.operationName);
    if (operation?.operation === 'mutation') {
      const message =
        'Mutations are taken by POST with a JSON body only; a WebSocket is for subscriptions and queries.';
      return [new GraphQLError(message, { extensions: { code: 'METHOD_NOT_ALLOWED' } })];
    }
    const errors: readonly GraphQLError[] = enveloped.validate(enveloped.schema, document);
    if (errors.length > 0) return errors;
    return {
      schema: enveloped.schema,
      document,
      operationName: payload.operationName,
      variableValues: payload.variables,
      contextValue: await enveloped.contextFactory(),
    };
  }

  const server = makeServer<Record<string, unknown>, SocketExtra>({
    connectionInitWaitTimeout: limits.initTimeoutMs,
    execute,
    subscribe,
    async onConnect({ connectionParams, extra }) {
      const given =
        connectionParams?.authorization ?? connectionParams?.Authorization ?? extra.request.headers.authorization;
      // A client that names a token means it: a wrong one is refused (4403) instead of going on without a session.
      if (given !== undefined) {
        extra.token = bearerToken(given);
        return extra.token !== null && (await authenticate(extra.token)) !== null;
      }
      extra.token = cookieToken(extra.request);
      return true;
    },
    async onSubscribe({ extra, subscriptions }: Context<Record<string, unknown>, SocketExtra>, _id, payload) {
      if (Object.keys(subscriptions).length > limits.operationsPerSocket) {
        const message = `This socket runs ${limits.operationsPerSocket} operations, which is all it may at once. End one, or open another socket.`;
        return [limitError(message, 'operationsPerSocket', limits.operationsPerSocket)].map(withoutHttp);
      }
      try {
        const prepared = await prepare(extra, payload);
        return 'document' in prepared ? prepared : prepared.map(withoutHttp);
      } catch (error) {
        return [withoutHttp(clientError(error, requestIds(extra.request).requestId, log))];
      }
    },
    onNext(_context, _id, _payload, _args, result): ExecutionResult | undefined {
      return result.errors === undefined ? undefined : { ...result, errors: result.errors.map(withoutHttp) };
    },
  });

  function serve(socket: WebSocket, request: IncomingMessage): void {
    let isAlive = true;
    const gone = new AbortController();
    const pings = setInterval(() => {
      if (!isAlive) return socket.terminate();
      isAlive = false;
      socket.ping();
    }, limits.pingMs);
    socket.on('pong', () => {
      isAlive = true;
    });
    // A message too large, a broken frame: `ws` closes the socket itself with the right code.
    socket.on('error', (error) => log.debug({ err: error }, 'socket failed'));
    const closed = server.opened(
      {
        protocol: socket.protocol,
        send: (data) =>
          new Promise((resolve, reject) => {
            if (socket.readyState !== socket.OPEN) return resolve();
            socket.send(data, (error) => (error ? reject(error) : resolve()));
          }),
        close: (code, reason) => socket.close(code, reason),
        onMessage(listener) {
          socket.on('message', (data) => {
            if (socket.bufferedAmount > maximumUnsentBytes) {
              log.info(
                { ...requestIds(request), unsentBytes: socket.bufferedAmount },
                'a socket that reads nothing was cut',
              );
              return socket.terminate();
            }
            listener(String(data)).catch((error: unknown) => {
              // A message of the protocol that only a server sends: the client's mistake, not ours.
              if (error instanceof Error && error.message.startsWith('Unexpected message of type'))
                return socket.close(CloseCode.BadRequest, 'Invalid message received');
              log.error({ err: error }, 'a socket message could not be handled');
              socket.close(1011, 'Internal error');
            });
          });
        },
      },
      { request, token: null, gone: gone.signal },
    );
    socket.once('close', (code, reason) => {
      clearInterval(pings);
      gone.abort();
      closed(code, String(reason)).catch((error: unknown) => log.error({ err: error }, 'a socket could not be left'));
    });
  }

  return {
    upgrade(request, socket, head) {
      const refusal = refusalOf(request);
      if (refusal !== undefined) return refuseUpgrade(socket, refusal);
      sockets.handleUpgrade(request, socket, head, serve);
    },
    async close(graceMs) {
      isClosing = true;
      const open = [...sockets.clients];
      const gone = open.map((socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())));
      for (const socket of open) socket.close(1001, 'The service is stopping');
      const late = setTimeout(() => {
        for (const socket of open) socket.terminate();
      }, graceMs);
      await Promise.all(gone);
      clearTimeout(late);
    },
  };

  function refusalOf(request: IncomingMessage): string | undefined {
    if (request.url?.split('?', 1)[0] !== '/graphql') return '404 Not Found';
    if (!isOwnOrigin(request, publicUrl)) return '403 Forbidden';
    if (isClosing || sockets.clients.size >= limits.sockets) return '503 Service Unavailable';
    return undefined;
  }
}

function refuseUpgrade(socket: Duplex, status: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

/** Status codes and headers in an error's extensions are for HTTP alone. */
function withoutHttp(error: GraphQLError): GraphQLError {
  if (error.extensions.http === undefined) return error;
  const { http: _, ...extensions } = error.extensions;
  const { message, nodes, source, positions, path } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

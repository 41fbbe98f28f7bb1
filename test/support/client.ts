import { once } from 'node:events';
import WebSocket from 'ws';

/** An answer as GraphQL sends it. */
export interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; path?: (string | number)[]; extensions?: Record<string, unknown> }[];
}

/** An answer over HTTP. */
export interface HttpAnswer<Data> extends Answer<Data> {
  status: number;
  headers: Headers;
}

/** The errors of an operation or a subscription that did not work. */
export class GraphqlFailure extends Error {
  override readonly name = 'GraphqlFailure';
  readonly errors: NonNullable<Answer<unknown>['errors']>;
  constructor(errors: NonNullable<Answer<unknown>['errors']>) {
    super(errors.map(({ message, extensions }) => `${message} ${JSON.stringify(extensions ?? {})}`).join('; '));
    this.errors = errors;
  }
}

/** A WebSocket that closed while something was expected from it. */
export class SocketClosed extends Error {
  override readonly name = 'SocketClosed';
  readonly code: number;
  constructor(code: number, reason: string) {
    super(`The socket was closed with ${code} ${reason}`);
    this.code = code;
  }
}

export interface SocketOptions {
  headers?: Record<string, string>;
  connectionParams?: Record<string, unknown>;
}

/** A client of the API at `url` (without a path). Signed in once `signIn` was called; sends its token as a bearer. */
export interface ApiClient {
  url: string;
  token: string | undefined;
  signIn(username: string, password: string): Promise<string>;
  /** Sends an operation; answers with whatever came, errors included. */
  query<Data = Record<string, unknown>>(
    document: string,
    variables?: Record<string, unknown>,
    headers?: Record<string, string>,
  ): Promise<HttpAnswer<Data>>;
  /** Sends an operation that must succeed. @throws GraphqlFailure */
  data<Data>(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** A subscription on a socket of its own. Ends with it; @throws GraphqlFailure for its error, SocketClosed. */
  subscribe<Data>(
    document: string,
    variables?: Record<string, unknown>,
    options?: SocketOptions,
  ): AsyncGenerator<Answer<Data>>;
  /** The same over Server-Sent Events, each as it was sent. */
  events(
    document: string,
    variables?: Record<string, unknown>,
    headers?: Record<string, string>,
  ): AsyncGenerator<ServerEvent>;
}

export interface ServerEvent {
  event: string;
  id: string | undefined;
  data: string;
}

export function client(url: string, token?: string): ApiClient {
  const api: ApiClient = {
    url,
    token,
    async signIn(username, password) {
      const document = `mutation ($username: String!, $password: String!) {
        signIn(input: { local: { username: $username, password: $password } }) {
          __typename ... on SignInPayload { token } ... on Error { message }
        }
      }`;
      type SignedIn = { signIn: { __typename: string; token?: string; message?: string } };
      const { signIn } = await api.data<SignedIn>(document, { username, password });
      if (signIn.token === undefined) throw new Error(`${signIn.__typename}: ${signIn.message}`);
      api.token = signIn.token;
      return signIn.token;
    },
    async query<Data>(query: string, variables?: Record<string, unknown>, headers?: Record<string, string>) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json', ...bearer(api.token), ...headers },
        body: JSON.stringify({ query, variables }),
      });
      const answer: Answer<Data> = JSON.parse(await response.text());
      return { ...answer, status: response.status, headers: response.headers };
    },
    async data<Data>(document: string, variables?: Record<string, unknown>) {
      const { data, errors } = await api.query<Data>(document, variables);
      if (errors !== undefined) throw new GraphqlFailure(errors);
      if (data === undefined || data === null) throw new Error('The answer has no data.');
      return data;
    },
    async *subscribe<Data>(query: string, variables?: Record<string, unknown>, options: SocketOptions = {}) {
      const connectionParams = options.connectionParams ?? bearer(api.token);
      const socket = await openSocket(url, { ...options, connectionParams });
      try {
        await socket.init();
        socket.send({ id: '1', type: 'subscribe', payload: { query, variables } });
        for (;;) {
          const message = await socket.receive();
          if (message.type === 'complete') return;
          if (message.type === 'error') throw new GraphqlFailure(errorsOf(message.payload));
          if (message.type === 'next') yield answerOf<Data>(message.payload);
        }
      } finally {
        socket.close();
      }
    },
    async *events(query, variables, headers) {
      const leaving = new AbortController();
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...bearer(api.token), ...headers },
        body: JSON.stringify({ query, variables }),
        signal: leaving.signal,
      });
      try {
        if (response.body !== null) yield* readServerEvents(response.body);
      } finally {
        leaving.abort();
      }
    },
  };
  return api;
}

function bearer(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

// What the server sent is what these tests look at, so its shape is taken as it comes.
function answerOf<Data>(payload: unknown): Answer<Data> {
  return JSON.parse(JSON.stringify(payload));
}

function errorsOf(payload: unknown): NonNullable<Answer<unknown>['errors']> {
  return JSON.parse(JSON.stringify(payload));
}

/** Takes a stream of Server-Sent Events apart; comments (pings) are left out. */
export async function* readServerEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = text
        .slice(0, end)
        .split('\n')
        .map((line) => /^(\w+): ?(.*)$/.exec(line));
      text = text.slice(end + 2);
      const fieldOf = (name: string) => fields.find((field) => field?.[1] === name)?.[2];
      const event = fieldOf('event');
      if (event !== undefined) yield { event, id: fieldOf('id'), data: fieldOf('data') ?? '' };
    }
  }
}

export interface ProtocolMessage {
  type: string;
  id?: string;
  payload?: unknown;
}

/** A raw graphql-transport-ws connection. */
export interface ProtocolSocket {
  send(message: ProtocolMessage): void;
  /** The next message in order; pings are left out. @throws SocketClosed */
  receive(): Promise<ProtocolMessage>;
  /** Sends ConnectionInit and waits for its acknowledgement. @throws SocketClosed when it is refused. */
  init(): Promise<void>;
  /** Resolves when the socket is closed, whoever did it. */
  closed: Promise<{ code: number; reason: string }>;
  close(): void;
}

/** Opens a socket; @throws the handshake's error, whose message names the HTTP status. */
export async function openSocket(url: string, options: SocketOptions = {}): Promise<ProtocolSocket> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}/graphql`, 'graphql-transport-ws', {
    headers: options.headers,
  });
  const messages: ProtocolMessage[] = [];
  let wake: (() => void) | undefined;
  let ending: { code: number; reason: string } | undefined;
  socket.on('message', (data) => {
    messages.push(JSON.parse(String(data)));
    wake?.();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      ending = { code, reason: String(reason) };
      wake?.();
      resolve(ending);
    });
  });
  await once(socket, 'open');
  socket.on('error', () => undefined);

  const connection: ProtocolSocket = {
    closed,
    send: (message) => socket.send(JSON.stringify(message)),
    async receive() {
      for (;;) {
        const message = messages.shift();
        if (message !== undefined) return message;
        if (ending !== undefined) throw new SocketClosed(ending.code, ending.reason);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async init() {
      connection.send({ type: 'connection_init', payload: options.connectionParams });
      await connection.receive();
    },
    close: () => socket.close(),
  };
  return connection;
}

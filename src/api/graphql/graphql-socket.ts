import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type ExecutionArgs,
  GraphQLError,
  type GraphQLFormattedError,
  getOperationAST,
} from 'graphql';
import {
  type Context,
  handleProtocols,
  makeServer,
  type OperationResult,
  type Server,
  type SubscribePayload,
} from 'graphql-ws';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { ClientDeparture } from '../../../engine/index.ts';
import { EngineError } from '../../../engine/model/errors.ts';
import type { Principal } from '../../../resolvers/context.ts';
import { internalError } from '../../../resolvers/errors.ts';
import { type AuditOrigin, originOf, recordedSignIn } from '../../audit/request-audit.ts';
import { errorBody } from '../../http/respond.ts';
import type { Credentials, TitleAccess } from '../../identity/title-identity.ts';
import { servingLimits } from '../../serving-limits.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { ServedManifest } from '../served-manifest.ts';
import type { Answers } from './answer.ts';
import { AnsweredFrames } from './answered-frames.ts';
import { askedClassOf } from './asked-class.ts';
import { bodyBytesMaxOf } from './body-bytes.ts';
import { closeCodeOf, closeCodes } from './close-codes.ts';
import { connectionHeader } from './connection-parameters.ts';
import type { FrameText } from './frame-text.ts';
import { checkParams } from './graphql-params.ts';
import { watchBytes } from './message-bytes.ts';
import { OperationContext, type TitleServices } from './operation-context.ts';
import { idInUse, incoming, OperationIds, resultTail } from './operation-ids.ts';
import { PushedFrames } from './pushed-frames.ts';
import type { RoleSchemas } from './role-schemas.ts';
import { keepAlive, send, sendPieces } from './socket-messages.ts';
import { SocketOperations } from './socket-operations.ts';
import type { SocketPlaces } from './socket-places.ts';
import { unresolvedOperation } from './unresolved-operation.ts';
import { phaseOf, type TitleYoga } from './yoga.ts';

export interface GraphqlSocketOptions {
  readonly manifest: ServedManifest;
  readonly yoga: TitleYoga;
  readonly roles: RoleSchemas;
  readonly services: TitleServices;
  readonly answers: Answers;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly identity: TitleAccess;
  /** The places of all WebSockets of the server. */
  readonly places: SocketPlaces;
}

interface Connection {
  readonly socket: WebSocket;
  /** The headers of the request that opened the connection. */
  readonly headers: IncomingHttpHeaders;
  readonly origin: AuditOrigin;
  /** Who is at its other end; null before the client has said so. */
  live: ReturnType<TitleAccess['live']> | null;
  askedClass: string | undefined;
  /** Called when the client has said who it is. */
  readonly signedIn: () => void;
  readonly operations: SocketOperations<OperationContext>;
  /** Sends a result that is a text already, under the id that the operation has here. */
  readonly sendText: (id: string, text: FrameText) => Promise<void>;
  /** What the protocol knows by the client's id; nothing before the connection was accepted. */
  subscriptions: SocketContext['subscriptions'];
}

type Extra = { readonly connection: Connection };
type SocketContext = Context<Record<string, unknown>, Extra>;

/** GraphQL over WebSocket (`graphql-transport-ws`) for one title. */
export class GraphqlSocket {
  readonly #options: GraphqlSocketOptions;
  readonly #sockets: WebSocketServer;
  readonly #protocol: Server<Extra>;

  constructor(options: GraphqlSocketOptions) {
    this.#options = options;
    // The types of `ws` do not know of `closeTimeout` yet.
    const socketOptions: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      maxPayload: servingLimits.graphqlBodyBytesMax,
      perMessageDeflate: false,
      closeTimeout: servingLimits.webSocketCloseMs,
      handleProtocols,
    };
    this.#sockets = new WebSocketServer(socketOptions);
    this.#protocol = makeServer<Record<string, unknown>, Extra>({
      connectionInitWaitTimeout: servingLimits.webSocketInitMs,
      onConnect: (context) => this.#connect(context),
      onSubscribe: (context, id, payload) => this.#subscribe(context, id, payload),
      execute: (args) => rootOf(args).execute(args),
      subscribe: (args) => rootOf(args).subscribe(args),
      onComplete: (context, _id, payload) => context.extra.connection.operations.end(payload),
      onError: (context, _id, payload, errors) => {
        const { operations } = context.extra.connection;
        const shown = this.#shown(operations.find(payload), errors);
        operations.end(payload);
        return shown;
      },
    });
  }

  /** Why a WebSocket from this address is not opened now; null where it is. */
  refusal(address: string): EngineError | null {
    return this.#options.places.refusal(address);
  }

  accept(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    this.#sockets.handleUpgrade(request, stream, head, (opened) =>
      this.#open(opened, stream, request),
    );
  }

  /** Tells every client that the server goes away (1001); a client that does not answer is cut. */
  async close(): Promise<void> {
    for (const client of this.#sockets.clients) client.close(1001, 'Going away');
    const cut = setTimeout(() => {
      for (const client of this.#sockets.clients) client.terminate();
    }, 1_000);
    await new Promise<void>((resolve) => this.#sockets.close(() => resolve()));
    clearTimeout(cut);
  }

  #open(socket: WebSocket, stream: Duplex, request: IncomingMessage): void {
    const address = request.socket.remoteAddress ?? '';
    const { places, metrics, logger } = this.#options;
    const leavePlace = places.occupy();
    const leaveUnsigned = places.unsigned.add(address);
    const ids = new OperationIds();
    const stopWatch = watchBytes(socket, stream, servingLimits.webSocketInitBytesMax);
    const connection: Connection = {
      socket,
      headers: request.headers,
      origin: originOf(request),
      live: null,
      askedClass: undefined,
      signedIn: () => {
        stopWatch();
        leaveUnsigned();
      },
      operations: new SocketOperations(),
      sendText: async (id, text) => {
        const head = ids.resultHead(id);
        if (head === null) return;
        metrics.sent('websocket', head.length + text.bytes + resultTail.length);
        await sendPieces(socket, text.within(head, resultTail));
      },
      subscriptions: {},
    };
    // Frames go another way: their number is bounded by that of subscriptions.
    const charge = (bytes: number) => {
      const principal = connection.live?.current;
      if (principal !== undefined) this.#options.services.use.charge(principal, { bytes });
    };
    const closed = this.#protocol.opened(
      {
        protocol: socket.protocol,
        send: async (data) => {
          const message = ids.outgoing(data);
          if (message === null) return;
          metrics.sent('websocket', message.length);
          charge(message.length);
          await send(socket, message);
        },
        close: (code, reason) => socket.close(code, reason),
        onPing: async (payload) => {
          const told = await this.#pong(connection, payload);
          const message = JSON.stringify({
            type: 'pong',
            ...(told === undefined ? {} : { payload: told }),
          });
          metrics.sent('websocket', message.length);
          await send(socket, message);
        },
        onMessage: (listener) => {
          socket.on('message', (data: Buffer, isBinary) => {
            // `ws` has checked texts alone, and closes with 1007 for one that is broken.
            if (isBinary && !isUtf8(data)) return socket.close(closeCodes.notUtf8, 'not UTF-8');
            const asker = connection.live?.current;
            if (asker !== undefined && data.length > bodyBytesMaxOf(asker)) {
              return socket.close(closeCodes.tooLarge, 'LIMIT_EXCEEDED');
            }
            const text = String(data);
            metrics.received('websocket', text.length);
            charge(text.length);
            const message = incoming(ids, text);
            if (message === idInUse) return socket.close(closeCodes.idInUse, idInUse);
            // The protocol takes a message that is parsed already, though its type says a text.
            listener(message as string).catch((error: unknown) => {
              logger.error({ error }, 'a WebSocket message failed');
              socket.close(closeCodes.internal, 'INTERNAL');
            });
            // A completion has been taken by now, and has no call of its own.
            connection.operations.leave((id) => id in connection.subscriptions);
          });
        },
      },
      { connection },
    );
    // `ws` closes the socket by itself, with the code that says why (a message too large: 1009).
    socket.on('error', (error) => logger.debug({ error }, 'a WebSocket broke off'));
    const stopPings = keepAlive(socket);
    socket.once('close', (code, reason) => {
      stopPings();
      leavePlace();
      leaveUnsigned();
      connection.live?.close();
      connection.operations.abandon();
      closed(code, String(reason)).catch((error: unknown) =>
        logger.error({ error }, 'closing a WebSocket failed'),
      );
    });
  }

  /**
   * `connection_init`: `{ authorization: "Bearer …", "x-tickloom-role"?: …, "x-tickloom-class"?: … }`,
   * or as headers of the request. `connection_ack` tells how long the token is good.
   */
  async #connect(context: SocketContext): Promise<boolean | Record<string, unknown>> {
    const { connection } = context.extra;
    connection.subscriptions = context.subscriptions;
    const header = (name: string) =>
      connectionHeader(name, context.connectionParams, connection.headers);
    const audit = this.#options.services.audit.of(connection.origin);
    const requestId = randomUUID();
    try {
      const credentials = {
        authorization: header('authorization'),
        role: header('x-tickloom-role'),
      };
      const principal = await recordedSignIn(audit, requestId, () =>
        this.#options.identity.authenticate(credentials),
      );
      await this.#options.services.use.admit(principal, requestId);
      this.#options.manifest.check(header('x-tickloom-manifest'));
      const asked = header('x-tickloom-class');
      connection.askedClass = typeof asked === 'string' ? asked : undefined;
      askedClassOf(principal, connection.askedClass, audit, requestId);
      connection.live = this.#liveOf(connection, credentials, principal);
    } catch (error) {
      this.#refuse(connection.socket, error);
      return false;
    }
    connection.signedIn();
    return tokenLife(connection.live.current);
  }

  #liveOf(
    { socket, operations }: Connection,
    credentials: Credentials,
    principal: Principal,
  ): ReturnType<TitleAccess['live']> {
    const live = this.#options.identity.live(credentials, principal, {
      onChange: (changed) => {
        for (const operation of operations.running()) operation.actAs(changed);
      },
      onEnd: (reason) => this.#refuse(socket, reason),
    });
    // Its client may have left while the token was verified.
    if (socket.readyState !== socket.OPEN) live.close();
    return live;
  }

  /**
   * `ping` with the payload of `connection_init`: the connection goes on with another token of its
   * subject, and `pong` tells how long that is good, or why it is not taken; then the one before
   * goes on. Other pings get what they sent, as the protocol has it.
   */
  async #pong({ live, origin }: Connection, payload: unknown): Promise<unknown> {
    const parameters = (typeof payload === 'object' ? payload : null) as Record<
      string,
      unknown
    > | null;
    const header = (name: string) => connectionHeader(name, parameters ?? undefined, {});
    const authorization = header('authorization');
    if (live === null || authorization === undefined) return payload;
    const audit = this.#options.services.audit.of(origin);
    const requestId = randomUUID();
    try {
      const role = header('x-tickloom-role');
      const refresh = () => live.refresh({ authorization, role });
      return tokenLife(await recordedSignIn(audit, requestId, refresh));
    } catch (error) {
      const known = error instanceof EngineError ? error : internalError();
      if (known !== error) this.#options.logger.error({ error }, 'a token could not be refreshed');
      return errorBody(known, requestId);
    }
  }

  /** The close reason is the error's code. The protocol's own close that follows has no effect. */
  #refuse(socket: WebSocket, error: unknown): void {
    if (!(error instanceof EngineError)) {
      this.#options.logger.error({ error }, 'a WebSocket could not be authenticated');
      socket.close(closeCodes.internal, 'INTERNAL');
      return;
    }
    socket.close(closeCodeOf(error), error.code);
  }

  async #subscribe(
    context: SocketContext,
    id: string,
    payload: SubscribePayload,
  ): Promise<ExecutionArgs | readonly GraphQLError[]> {
    const { connection } = context.extra;
    const { yoga, answers } = this.#options;
    const operation = this.#operationContext(connection, payload);
    try {
      if (!connection.operations.hasRoom) {
        throw new EngineError(
          'LIMIT_EXCEEDED',
          `one WebSocket runs ${servingLimits.webSocketOperationsMax} operations at most`,
          {
            details: {
              limit: 'webSocketOperationsMax',
              max: servingLimits.webSocketOperationsMax,
            },
          },
        );
      }
      connection.operations.begin(id, payload, operation);
      const { principal, ticket } = operation;
      await this.#options.services.use.admit(principal, ticket.trace.requestId);
      const params = checkParams(payload);
      const enveloped = yoga.getEnveloped({ operation, params, takesEvents: true });
      const document = enveloped.parse(params.query);
      const invalid = enveloped.validate(enveloped.schema, document);
      if (invalid.length > 0) {
        connection.operations.end(payload);
        const told = this.#options.roles.problemsOf(document, operation.principal.role);
        return answers.refusal(told, 'validate', operation);
      }
      if (!getOperationAST(document, params.operationName)) {
        throw unresolvedOperation(params.operationName);
      }
      return {
        schema: enveloped.schema,
        document,
        variableValues: params.variables,
        operationName: params.operationName ?? null,
        contextValue: await enveloped.contextFactory(),
        rootValue: {
          execute: enveloped.execute,
          subscribe: async (args) => {
            const answer = await enveloped.subscribe(args);
            if (!(answer instanceof AnsweredFrames)) return answer;
            return new PushedFrames(answer, (text) => {
              operation.outgoing.bytesSent += text.bytes;
              return connection.sendText(id, text);
            });
          },
        } satisfies Root,
      };
    } catch (error) {
      // One that its client has completed by now gets no call about its end.
      connection.operations.end(payload);
      const phase = error instanceof GraphQLError ? phaseOf([error]) : 'request';
      return answers.refusal([error], phase, operation);
    }
  }

  /** A client may send `extensions: { readAfter: "<position>", traceparent: "…" }` with an operation. */
  #operationContext(connection: Connection, payload: SubscribePayload): OperationContext {
    const { live } = connection;
    if (live === null) throw new RangeError('an operation before the connection was accepted');
    const { readAfter, traceparent } = payload.extensions ?? {};
    return new OperationContext(this.#options.services, {
      principal: live.current,
      audit: this.#options.services.audit.of(connection.origin),
      askedClass: connection.askedClass,
      readAfter: typeof readAfter === 'string' ? readAfter : undefined,
      requestId: randomUUID(),
      traceparent,
      departure: new ClientDeparture(),
      endpoint: 'websocket',
      queuedBytes: () => connection.socket.bufferedAmount,
    });
  }

  /** Errors of the protocol's own, and of messages that cannot be printed, have no public form yet. */
  #shown(
    operation: OperationContext | undefined,
    errors: readonly GraphQLError[],
  ): readonly GraphQLFormattedError[] | undefined {
    const isShown = errors.every(({ extensions }) => extensions.requestId !== undefined);
    if (operation === undefined || isShown) return undefined;
    const shown = this.#options.answers.refusal(errors, 'execute', operation);
    return shown.map((error) => error.toJSON());
  }
}

/** The enveloped functions of one operation travel in its root value, as graphql-ws foresees. */
interface Root {
  readonly execute: (args: ExecutionArgs) => OperationResult;
  readonly subscribe: (args: ExecutionArgs) => OperationResult;
}

function rootOf(args: ExecutionArgs): Root {
  return args.rootValue as Root;
}

/** How long a token is good, which needs no clock that both ends agree on. */
function tokenLife({ expiresAtMs }: Principal): Record<string, unknown> {
  return { tickloom: { tokenExpiresInMs: Math.max(0, expiresAtMs - Date.now()) } };
}

import type { PrismaClient } from '../../prisma/client/client.ts';
import type { Connector } from '../connectors/connector.ts';
import type { ProviderKind } from '../domain/vocabulary.ts';

/** What jobs are given beside their context. */
export interface JobDependencies {
  /** For reading; what a job writes goes through its context's steps. */
  prisma: PrismaClient;
  connector(kind: ProviderKind): Connector;
}

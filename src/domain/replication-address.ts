import type { Prisma } from '../../prisma/client/client.ts';
import type { Connector, ReplicationAddress, SiteAddress } from '../connectors/connector.ts';
import type { Domain } from './context.ts';
import { UnsupportedError } from './error.ts';
import { dataConnectionTypes, type ProviderKind, providerKinds } from './vocabulary.ts';

/** What is read beside a replication's row wherever work is done on it. */
export const replicationParts = {
  provider: true,
  virtualMachine: true,
  sourceSite: true,
  destinationSite: true,
} as const satisfies Prisma.ReplicationInclude;

/** A replication with what it points to. */
export type LoadedReplication = Prisma.ReplicationGetPayload<{ include: typeof replicationParts }>;

/** The replication as its connector finds it. */
export function replicationAddress(replication: LoadedReplication): ReplicationAddress {
  const type = dataConnectionTypes.find((candidate) => candidate === replication.dataConnectionType);
  if (!type) {
    throw new UnsupportedError(
      `The replication of ${replication.vmName} has the data connection type ${replication.dataConnectionType}, which this version does not know. Update drgraph.`,
    );
  }
  return {
    id: replication.id,
    nativeId: replication.nativeId,
    machine: { nativeId: replication.virtualMachine.nativeId, name: replication.virtualMachine.name },
    source: siteAddress(replication.sourceSite),
    destination: siteAddress(replication.destinationSite),
    dataConnectionType: type,
    quiesced: replication.quiesced,
    excludedDiskKeys: replication.excludedDiskKeys,
  };
}

/** A site as its connector finds it. */
export function siteAddress(site: {
  id: string;
  name: string;
  nativeId: string | null;
  path: string | null;
}): SiteAddress {
  return { id: site.id, name: site.name, nativeId: site.nativeId, path: site.path };
}

/** The connector that speaks to a provider. */
export function connectorOf(domain: Pick<Domain, 'connector'>, provider: { kind: string; name: string }): Connector {
  const kind: ProviderKind | undefined = providerKinds.find((candidate) => candidate === provider.kind);
  if (kind) return domain.connector(kind);
  throw new UnsupportedError(
    `Provider ${provider.name} is of kind ${provider.kind}, which this version does not know. Update drgraph.`,
  );
}

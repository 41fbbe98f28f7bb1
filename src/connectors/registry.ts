import { type Connector, ConnectorError } from './connector.ts';

/** Finds a provider kind's connector. */
export type ConnectorRegistry = (kind: string) => Connector;

/** Puts the connectors that this process runs into one table; asking for another kind is a ConnectorError. */
export function createRegistry(connectors: readonly Connector[]): ConnectorRegistry {
  const byKind = new Map(connectors.map((connector) => [connector.kind, connector]));
  return (kind) => {
    const connector = byKind.get(kind);
    if (connector) return connector;
    throw new ConnectorError(
      'REJECTED',
      'NO_CONNECTOR',
      `This service has no connector for providers of kind ${kind}; it has ${[...byKind.keys()].join(', ') || 'none'}.`,
    );
  };
}

// The enumerations of more than one type of the graph. Each is checked against the domain's list of words, so that a new word
// without a description does not compile.

import type {
  DataConnectionType,
  PowerState,
  ProviderKind,
  ProviderStatus,
  QuiescedType,
  SiteType,
  TargetDiskType,
} from '../domain/vocabulary.ts';
import { builder } from './builder.ts';

type Words<Word extends string> = Record<Word, { description: string }>;

const unknown = {
  description: 'A word that this version does not know; where the provider said one, the native field has it.',
};

export const ProviderKindEnum = builder.enumType('ProviderKind', {
  description: 'Which product a provider is.',
  values: {
    LOCAL: { description: "drgraph's own replication engine, on directories of disk images." },
    VCDA: { description: 'VMware Cloud Director Availability.' },
    ZERTO: { description: 'Zerto, by its Virtual Manager.' },
    VPROTECT: { description: 'Storware vProtect, a backup product.' },
  } satisfies Words<ProviderKind>,
});

export const ProviderStatusEnum = builder.enumType('ProviderStatus', {
  description: 'Whether a provider answers, as of the last attempt to talk to it.',
  values: {
    CONNECTED: { description: 'The last request succeeded.' },
    DEGRADED: { description: 'It answers, but a part of it reports a failure.' },
    UNREACHABLE: {
      description: 'The last requests got no answer; what the graph shows of it is as old as `lastSyncedAt`.',
    },
    DISCONNECTED: { description: 'Taken out of use by an administrator.' },
    UNKNOWN: unknown,
  } satisfies Words<ProviderStatus>,
});

export const SiteTypeEnum = builder.enumType('SiteType', {
  description: 'Where a site runs.',
  values: {
    CLOUD: { description: 'At a cloud provider, shared with other tenants.' },
    ON_PREMISES: { description: "In the organisation's own rooms. Every LOCAL site is one." },
    UNKNOWN: unknown,
  } satisfies Words<SiteType>,
});

export const PowerStateEnum = builder.enumType('PowerState', {
  description: 'Whether a machine runs.',
  values: {
    POWERED_ON: {
      description: 'It runs. A LOCAL engine takes the word of `vm.json`; it runs no machines itself.',
    },
    POWERED_OFF: { description: 'It is shut down.' },
    SUSPENDED: { description: 'Its memory is kept and it does not run.' },
    UNKNOWN: unknown,
  } satisfies Words<PowerState>,
});

export const DataConnectionTypeEnum = builder.enumType('DataConnectionType', {
  description: "How a replication's data travel and lie at the destination (VCDA: dataConnectionType).",
  values: {
    PLAIN: { description: 'As they are: fastest, and readable by whoever reads the destination store.' },
    ENCRYPTED: { description: 'Encrypted, not compressed.' },
    ENCRYPTED_COMPRESSED: { description: 'Compressed, then encrypted: least space and network.' },
  } satisfies Words<DataConnectionType>,
});

export const TargetDiskTypeEnum = builder.enumType('TargetDiskType', {
  description: 'How a recovered disk takes its space at the destination.',
  values: {
    THIN: { description: 'Space is taken as it is written; holes stay holes.' },
    PREALLOCATED: { description: 'All space is reserved when the disk is made, without writing it.' },
    PREALLOCATED_ZEROS: { description: 'All space is reserved and written with zeros.' },
  } satisfies Words<TargetDiskType>,
});

export const QuiescedTypeEnum = builder.enumType('QuiescedType', {
  description: 'What was brought to rest in the machine before a recovery point was taken.',
  values: {
    UNQUIESCED: { description: 'Nothing: as after a sudden power cut.' },
    FILE_SYSTEM_QUIESCED: { description: 'File systems were flushed.' },
    APPLICATION_QUIESCED: { description: 'Applications, such as databases, had written what they held in memory.' },
    UNKNOWN: unknown,
  } satisfies Words<QuiescedType>,
});

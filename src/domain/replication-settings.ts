import { z } from 'zod';
import { UnsupportedError } from './error.ts';
import { isPlainText, parseInput } from './input.ts';
import { type DataConnectionType, dataConnectionTypes } from './vocabulary.ts';

/** What a caller may choose for a replication; what is left out gets a default. */
export interface ReplicationSettingsInput {
  rpoMinutes?: number | null;
  dataConnectionType?: DataConnectionType | null;
  retentionRules?: readonly { numberOfInstances: number; distanceMinutes: number }[] | null;
  description?: string | null;
  quiesced?: boolean | null;
}

/** Limits of a replication's settings. The RPO's are VCDA's: 5 minutes to 24 hours. */
export const settingsLimits = {
  rpoMinutes: { min: 5, max: 1440 },
  retentionRules: 10,
  numberOfInstances: { min: 1, max: 1000 },
  /** 0 keeps every instance until the number is reached; at most a year. */
  distanceMinutes: { min: 0, max: 525_600 },
  description: 1000,
} as const;

/** Without rules of their own, people get the last 24 instances: an older one to go back to, and no endless growth. */
const defaultRetentionRules = [{ numberOfInstances: 24, distanceMinutes: 0 }];

const whole = ({ min, max }: { min: number; max: number }, what: string) => {
  const message = `Give ${what} from ${min} to ${max}.`;
  return z.int(message).min(min, message).max(max, message);
};

const descriptionMessage = `Use at most ${settingsLimits.description} characters, without control characters.`;

const settingsSchema = z.object({
  rpoMinutes: whole(settingsLimits.rpoMinutes, 'whole minutes')
    .nullish()
    .transform((minutes) => minutes ?? 60),
  dataConnectionType: z
    .enum(dataConnectionTypes)
    .nullish()
    .transform((type) => type ?? 'ENCRYPTED_COMPRESSED'),
  retentionRules: z
    .array(
      z.object({
        numberOfInstances: whole(settingsLimits.numberOfInstances, 'a whole number'),
        distanceMinutes: whole(settingsLimits.distanceMinutes, 'whole minutes'),
      }),
    )
    .max(settingsLimits.retentionRules, `Give at most ${settingsLimits.retentionRules} rules.`)
    .nullish()
    .transform((rules) => rules ?? defaultRetentionRules),
  description: z
    .string()
    .max(settingsLimits.description, descriptionMessage)
    .refine(isPlainText, descriptionMessage)
    .nullish()
    .transform((description) => description ?? null),
  quiesced: z
    .boolean()
    .nullish()
    .transform((quiesced) => quiesced ?? false),
});

/** A replication's settings, checked and complete. */
export type ReplicationSettings = z.infer<typeof settingsSchema>;

/** Checks the settings and fills in the defaults; InvalidInputError names each field under `settings`. */
export function parseSettings(input: ReplicationSettingsInput | null | undefined): ReplicationSettings {
  const settings = parseInput(settingsSchema, input ?? {}, ['settings']);
  if (settings.quiesced) {
    throw new UnsupportedError(
      'The LOCAL provider copies disk images from outside and cannot quiesce the guest. Leave settings.quiesced out, or stop writers before a sync.',
    );
  }
  return settings;
}

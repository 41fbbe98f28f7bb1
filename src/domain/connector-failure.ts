import { z } from 'zod';
import { ProviderError, providerErrorKinds } from './error.ts';

// The domain sees connectors by their types only, so it knows their one error by its shape.
const connectorError = z.object({
  name: z.literal('ConnectorError'),
  kind: z.enum(providerErrorKinds),
  code: z.string(),
  message: z.string(),
});

/** What a connector said went wrong, or undefined when the error is not a connector's. */
export function connectorFailure(error: unknown): z.infer<typeof connectorError> | undefined {
  return error instanceof Error ? connectorError.safeParse(error).data : undefined;
}

/** Runs a question to a connector inside a request; its failure becomes a ProviderError. */
export async function askProvider<Answer>(question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    const failure = connectorFailure(error);
    if (!failure) throw error;
    throw new ProviderError(failure.message, failure.kind, failure.code, { cause: error });
  }
}

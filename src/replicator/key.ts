import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { ReplicatorError } from './error.ts';

/** The keys of one store, all derived from its one random key. */
export interface StoreKeys {
  /** aes-256-gcm of blocks. */
  block: Uint8Array;
  /** HMAC of block addresses. */
  address: Uint8Array;
  /** HMAC that seals manifests. */
  seal: Uint8Array;
}

const wrapNonceBytes = 12;
const wrapTagBytes = 16;

/** A new random key, wrapped (aes-256-gcm) under the service's key and bound to its replication. */
export function makeWrappedKey(serviceKey: Uint8Array, replicationId: string): { wrapped: string; keys: StoreKeys } {
  const key = randomBytes(32);
  const nonce = randomBytes(wrapNonceBytes);
  const cipher = createCipheriv('aes-256-gcm', checkedKey(serviceKey), nonce).setAAD(Buffer.from(replicationId));
  const coded = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  return { wrapped: coded.toString('base64'), keys: deriveKeys(key) };
}

/** Opens a wrapped key. The tag of GCM is the check: a wrong service key gives KEY_MISMATCH, never other bytes. */
export function openWrappedKey(serviceKey: Uint8Array, replicationId: string, wrapped: string): StoreKeys {
  const wrappingKey = checkedKey(serviceKey);
  const coded = Buffer.from(wrapped, 'base64');
  const nonce = coded.subarray(0, wrapNonceBytes);
  const tag = coded.subarray(-wrapTagBytes);
  try {
    const decipher = createDecipheriv('aes-256-gcm', wrappingKey, nonce, { authTagLength: wrapTagBytes });
    decipher.setAAD(Buffer.from(replicationId)).setAuthTag(tag);
    const key = Buffer.concat([decipher.update(coded.subarray(wrapNonceBytes, -wrapTagBytes)), decipher.final()]);
    return deriveKeys(key);
  } catch (error) {
    throw new ReplicatorError(
      'KEY_MISMATCH',
      `The store of replication ${replicationId} was made under another service key. Start the service with the key that it had then.`,
      { cause: error },
    );
  }
}

function checkedKey(serviceKey: Uint8Array): Uint8Array {
  if (serviceKey.byteLength === 32) return serviceKey;
  throw new ReplicatorError('INVALID_ARGUMENT', `The service key has ${serviceKey.byteLength} bytes instead of 32.`);
}

function deriveKeys(key: Uint8Array): StoreKeys {
  const derive = (purpose: string) => new Uint8Array(hkdfSync('sha256', key, '', `drgraph store ${purpose}`, 32));
  return { block: derive('block'), address: derive('address'), seal: derive('seal') };
}

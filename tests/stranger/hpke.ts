// HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.

import { createCipheriv, createHmac, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";

const KEM = Buffer.from("KEM\x00\x20", "latin1");
const SUITE = Buffer.from("HPKE\x00\x20\x00\x01\x00\x03", "latin1");
const NOTHING = Buffer.alloc(0);

const hmac = (key: Buffer, ...parts: Buffer[]) => createHmac("sha256", key).update(Buffer.concat(parts)).digest();

function extract(suite: Buffer, salt: Buffer, label: string, secret: Buffer): Buffer {
  return hmac(salt, Buffer.from("HPKE-v1"), suite, Buffer.from(label), secret);
}

/** At most one block of HKDF, which is all that is needed here. */
function expand(suite: Buffer, secret: Buffer, label: string, info: Buffer, length: number): Buffer {
  const wanted = Buffer.from([0, length]);
  const parts = [wanted, Buffer.from("HPKE-v1"), suite, Buffer.from(label), info, Buffer.from([1])];
  return hmac(secret, ...parts).subarray(0, length);
}

/** The encapsulated key, the ciphertext and the tag. */
export function seal(to: Buffer, info: Buffer, associated: Buffer, message: Buffer): Buffer {
  const theirs = createPublicKey({ key: { kty: "OKP", crv: "X25519", x: to.toString("base64url") }, format: "jwk" });
  const ours = generateKeyPairSync("x25519");
  const enc = Buffer.from(ours.publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const shared = diffieHellman({ privateKey: ours.privateKey, publicKey: theirs });
  const context = Buffer.concat([enc, to]);
  const secret = expand(KEM, extract(KEM, NOTHING, "eae_prk", shared), "shared_secret", context, 32);

  const named = [extract(SUITE, NOTHING, "psk_id_hash", NOTHING), extract(SUITE, NOTHING, "info_hash", info)];
  const schedule = Buffer.concat([Buffer.from([0]), ...named]);
  const scheduled = extract(SUITE, secret, "secret", NOTHING);
  const key = expand(SUITE, scheduled, "key", schedule, 32);
  const nonce = expand(SUITE, scheduled, "base_nonce", schedule, 12);

  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(associated, { plaintextLength: message.length });
  return Buffer.concat([enc, cipher.update(message), cipher.final(), cipher.getAuthTag()]);
}

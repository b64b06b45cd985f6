// Did our Amberline send this, and just now? Standard Webhooks 1.0, with nothing but Node.js.
import { createHmac, timingSafeEqual } from "node:crypto";

// secret: whsec_…; headers: of the request, in small letters; body: a Buffer as it came, before any parsing.
export function isGenuine(secret, headers, body, toleranceS = 300) {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const sentAt = headers["webhook-timestamp"];
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${sentAt}.`), body]);
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  const isRecent = Math.abs(Date.now() / 1000 - Number(sentAt)) <= toleranceS;
  return isRecent && headers["webhook-signature"].split(" ").some((one) => {
    const given = Buffer.from(one);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

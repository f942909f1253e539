// One porthole for the whole run; it ends with its guests when the run is over.

import { PASSWORD, Porthole } from "./process.ts";

export default async function startPorthole(): Promise<() => Promise<void>> {
  const porthole = await Porthole.start();
  process.env["PORTHOLE_E2E_ORIGIN"] = porthole.origin;
  process.env["PORTHOLE_E2E_PASSWORD"] = PASSWORD;
  process.env["PORTHOLE_E2E_KUBECONFIG"] = porthole.kubeconfig;
  return () => porthole.stop();
}

// A second way into the cluster, beside Porthole: what a person with kubectl would do.

import { readFileSync } from "node:fs";
import { request } from "node:https";

interface Kubeconfig {
  server: URL;
  authority: Buffer;
  token: string;
}

function kubeconfig(): Kubeconfig {
  const text = readFileSync(process.env["PORTHOLE_E2E_KUBECONFIG"] ?? "", "utf8");
  const value = (key: string): string => {
    const found = new RegExp(`^\\s*-?\\s*"?${key}"?:\\s*"?([^"\\s]+)"?`, "m").exec(text)?.[1];
    if (!found) throw new Error(`the kubeconfig holds no ${key}`);
    return found;
  };
  return {
    server: new URL(value("server")),
    authority: Buffer.from(value("certificate-authority-data"), "base64"),
    token: value("token"),
  };
}

export interface Answer {
  status: number;
  body: string;
}

/** One request to the Kubernetes API as the cluster's administrator. */
export function ask(method: string, path: string, body?: unknown, type = "application/json"): Promise<Answer> {
  const { server, authority, token } = kubeconfig();
  return new Promise((answered, failed) => {
    const call = request(
      new URL(path, server),
      { method, ca: authority, headers: { authorization: `Bearer ${token}`, "content-type": type } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => answered({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
      },
    );
    call.once("error", failed);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What the guest wrote to its serial line so far: the log of its launcher's `guest-console-log` container. */
export async function serialLog(namespace: string, machine: string): Promise<string> {
  const pods = await ask("GET", `/api/v1/namespaces/${namespace}/pods?labelSelector=vm.kubevirt.io%2Fname%3D${machine}`);
  const name = (JSON.parse(pods.body) as { items: { metadata: { name: string } }[] }).items[0]?.metadata.name;
  if (!name) return "";
  const log = await ask("GET", `/api/v1/namespaces/${namespace}/pods/${name}/log?container=guest-console-log`);
  return log.status === 200 ? log.body : "";
}

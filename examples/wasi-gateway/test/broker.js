// A mosquitto of the system on a free port, with a disk: it can be ended and started again.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.MOSQUITTO ?? "/usr/sbin/mosquitto";

export class Broker {
  #place = mkdtempSync(join(tmpdir(), "dyadic-broker-"));
  #child;

  static async create() {
    const broker = new Broker();
    broker.port = await freePort();
    broker.url = `mqtt://127.0.0.1:${broker.port}`;
    const lines = [
      `listener ${broker.port} 127.0.0.1`,
      "allow_anonymous true",
      "persistence true",
      `persistence_location ${broker.#place}/`,
      "max_queued_messages 0",
      "max_inflight_messages 100",
      "log_type error",
    ];
    if (process.getuid?.() === 0) lines.push("user root");
    writeFileSync(join(broker.#place, "mosquitto.conf"), `${lines.join("\n")}\n`);
    return broker;
  }

  async start() {
    this.#child = spawn(PROGRAM, ["-c", join(this.#place, "mosquitto.conf")], {
      stdio: "ignore",
    });
    for (let tries = 0; ; tries++) {
      const socket = connect(this.port, "127.0.0.1");
      const open = await new Promise((resolve) => {
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      });
      socket.destroy();
      if (open) return;
      if (tries === 100) throw new Error("mosquitto does not listen");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop() {
    this.#child.kill("SIGTERM"); // it saves its sessions and messages first; after SIGKILL it would know those of its last save
    await once(this.#child, "exit");
  }

  /** Without a chance to save: it forgets sessions, subscriptions and messages that it had not saved before. */
  async kill() {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async remove() {
    await this.stop();
    rmSync(this.#place, { recursive: true });
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

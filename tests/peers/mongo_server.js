// Plays a MongoDB server to mongosh: its wire protocol (OP_MSG), fixed answers. What was asked goes to standard output.
const net = require("net"), { serialize, deserialize, ObjectId, Binary } = require("bson");
const docs = [{ _id: new ObjectId("64b000000000000000000001"), status: "paid", total: 12.5, note: "x".repeat(3000), at: new Date(1767225600000), tags: ["a"], raw: new Binary(Buffer.from([0, 255])), nothing: null, inner: { city: "Bern" } }, { _id: new ObjectId("64b000000000000000000002"), status: 7 }];
const cursor = (ns, rows) => ({ cursor: { id: 0n, ns, firstBatch: rows }, ok: 1 });
function answer(c) {
  const name = Object.keys(c)[0], db = c.$db;
  switch (name) {
    case "hello": case "isMaster": case "ismaster":
      return { helloOk: true, ismaster: true, isWritablePrimary: true, maxBsonObjectSize: 16777216, maxMessageSizeBytes: 48000000, maxWriteBatchSize: 100000, localTime: new Date(), logicalSessionTimeoutMinutes: 30, connectionId: 1, minWireVersion: 0, maxWireVersion: 21, readOnly: false, ok: 1 };
    case "ping": case "endSessions": return { ok: 1 };
    case "buildInfo": case "buildinfo": return { version: "7.0.5", ok: 1 };
    case "listDatabases": return { databases: [{ name: "admin", sizeOnDisk: 10, empty: false }, { name: "shop", sizeOnDisk: 5000, empty: false }], totalSize: 5010, ok: 1 };
    case "serverStatus": return { host: "m1", version: "7.0.5", uptime: 99, connections: { current: 5, available: 100 }, network: { numRequests: 7n }, opcounters: { query: 3 }, mem: { resident: 20 }, globalLock: { currentQueue: { total: 2 } }, asserts: { user: 1 }, wiredTiger: { cache: { "bytes currently in the cache": 1, "maximum bytes configured": 2, "tracked dirty bytes in the cache": 3 } }, metrics: { cursor: { timedOut: 4 } }, ok: 1 };
    case "replSetGetStatus": return { set: "rs0", members: [{ name: "m1", stateStr: "PRIMARY", health: 1, optimeDate: new Date(1767225690000) }, { name: "m2", stateStr: "SECONDARY", health: 1, optimeDate: new Date(1767225600000), lastHeartbeatMessage: "" }], ok: 1 };
    case "listCollections": return cursor(db + ".$cmd.listCollections", [{ name: "orders", type: "collection", options: {}, info: {} }, { name: "latest", type: "view", options: {}, info: {} }]);
    case "collStats": return { count: 2, size: 400, storageSize: 300, nindexes: 1, totalIndexSize: 40, ok: 1 };
    case "listIndexes": return cursor(db + ".orders", [{ v: 2, key: { _id: 1 }, name: "_id_" }]);
    case "find": return c.find == "denied" ? { ok: 0, errmsg: "not authorized on shop", code: 13, codeName: "Unauthorized" } : cursor(db + "." + c.find, c.find == "system.profile" ? [{ ts: new Date(1767225600000), op: "query", ns: "shop.orders", millis: 812, planSummary: "COLLSCAN", docsExamined: 9000, nreturned: 1 }] : docs);
    case "aggregate": return cursor(db + ".x", c.pipeline[0] && c.pipeline[0].$currentOp ? [{ opid: 5, op: "query", ns: "shop.orders", secs_running: 61n, microsecs_running: 61000000n, waitingForLock: true, planSummary: "COLLSCAN", client: "10.0.0.9:1", appName: "pay", command: { find: "orders", filter: {} } }] : [{ _id: "paid", n: 2 }]);
    case "profile": return { was: 1, slowms: 100, ok: 1 };
    case "getLog": return { log: ['{"msg":"Slow query","ms":900}', "other"], ok: 1 };
    default: return { ok: 0, errmsg: "no such command: " + name, code: 59, codeName: "CommandNotFound" };
  }
}
net.createServer(socket => {
  let got = Buffer.alloc(0);
  socket.on("error", () => {}).on("data", chunk => {
    got = Buffer.concat([got, chunk]);
    while (got.length >= 4 && got.length >= got.readInt32LE(0)) {
      const message = got.subarray(0, got.readInt32LE(0)); got = got.subarray(message.length);
      const id = message.readInt32LE(4), old = message.readInt32LE(12) == 2004;
      let at = 20; if (old) { at = message.indexOf(0, 20) + 1 + 8; } else at = 21;
      const c = deserialize(message.subarray(at, at + message.readInt32LE(at)), { promoteValues: true });
      console.log(JSON.stringify(c, (k, v) => typeof v == "bigint" ? Number(v) : v));
      const body = Buffer.from(serialize(answer(c)));
      const head = Buffer.alloc(old ? 36 : 21);
      head.writeInt32LE(head.length + body.length, 0); head.writeInt32LE(1, 4); head.writeInt32LE(id, 8); head.writeInt32LE(old ? 1 : 2013, 12);
      if (old) { head.writeInt32LE(8, 16); head.writeInt32LE(1, 32); }
      socket.write(Buffer.concat([head, body]));
    }
  });
}).listen(Number(process.argv[2]), "127.0.0.1");

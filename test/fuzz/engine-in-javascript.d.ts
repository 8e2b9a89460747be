// The scalar engine as wasm2js writes it: the ABI, as one instance.
declare module "engine-in-javascript";

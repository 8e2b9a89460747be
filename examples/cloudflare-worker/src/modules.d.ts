declare module "*.dyad" {
  const bytes: ArrayBuffer;
  export default bytes;
}

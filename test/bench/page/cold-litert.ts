import { openLiteRt } from "./litert.ts";

export const open = () => openLiteRt("relaxed");

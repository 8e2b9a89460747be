export function noteMemories(): void;

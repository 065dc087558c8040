// Connections: two rings of bytes each. The scheduler (schedule.c) decides when bytes arrive.

#include <errno.h>
#include <string.h>

#include "sandbox/preload/shared.h"

uint8_t* SandboxRing(SandboxMemory* memory, uint32_t link, uint32_t side) {
  return (uint8_t*)memory + memory->rings + (uint64_t)(link << 1 | side) * memory->ring_bytes;
}

SandboxListener* SandboxListenerAt(SandboxMemory* memory, uint32_t node, uint16_t port) {
  for (uint32_t i = 0; i < kSandboxMaxListeners; ++i) {
    SandboxListener* const listener = &memory->node[node].listeners[i];
    if (listener->port == port && listener->backlog > 0) return listener;
  }
  return NULL;
}

static void ResetStream(SandboxStream* stream) {
  const uint8_t dirty = stream->dirty;  // it is in the list then
  memset(stream, 0, sizeof(*stream));
  stream->dirty = dirty;
  stream->cut_at = SANDBOX_NOWHERE;
}

int SandboxDial(SandboxMemory* memory, uint32_t from, uint32_t to, uint16_t port, int64_t at_ns) {
  uint32_t number = 0;
  while (number < memory->links_used && memory->link[number].state != kSandboxLinkFree) ++number;
  if (number == kSandboxMaxLinks) return -1;
  if (number == memory->links_used) ++memory->links_used;
  SandboxLink* const link = &memory->link[number];
  ++link->generation;
  link->state = kSandboxLinkDialling;
  link->held_connect = 0;
  link->answered = 0;
  link->accepted = 0;
  link->node[0] = (uint8_t)from;
  link->node[1] = (uint8_t)to;
  link->open[0] = 1;
  link->open[1] = 1;
  link->silent[0] = 0;
  link->silent[1] = 0;
  ResetStream(&link->to[0]);
  ResetStream(&link->to[1]);
  link->port[0] = kSandboxFirstPort;
  if (from != kSandboxHost) {
    link->port[0] = memory->node[from].next_port++;
    if (memory->node[from].next_port == 0) memory->node[from].next_port = kSandboxFirstPort;
  } else {
    link->port[0] = (uint16_t)(kSandboxFirstPort + link->generation % 20000);
  }
  link->port[1] = port;
  // What is sent at once arrives after the dial.
  const int64_t arrives = at_ns + memory->delay_ns[from][to];
  link->to[1].last_at_ns = arrives;
  SandboxSchedule(memory, arrives, kSandboxEventDial, number, 1, 0);
  return (int)number;
}

int SandboxAccept(SandboxMemory* memory, SandboxListener* listener) {
  if (listener->count == 0) return -1;
  const uint32_t number = listener->queue[listener->first];
  listener->first = (uint16_t)((listener->first + 1) % kSandboxBacklog);
  --listener->count;
  memory->link[number].accepted = 1;
  return (int)number;
}

int64_t SandboxWrite(SandboxMemory* memory, uint32_t number, uint32_t side, const void* bytes,
                     uint64_t size) {
  SandboxLink* const link = &memory->link[number];
  SandboxStream* const stream = &link->to[1 - side];
  if (stream->fin_written) return -EPIPE;
  if (link->to[side].reset || link->state == kSandboxLinkRefused) return -ECONNRESET;
  const uint64_t room = memory->ring_bytes - (stream->written - stream->read);
  if (size > room) {
    size = room;
    stream->waits = 1;
  }
  if (size == 0) return 0;
  uint8_t* const ring = SandboxRing(memory, number, 1 - side);
  const uint64_t at = stream->written & (memory->ring_bytes - 1);
  const uint64_t first = size < memory->ring_bytes - at ? size : memory->ring_bytes - at;
  memcpy(ring + at, bytes, first);
  memcpy(ring, (const uint8_t*)bytes + first, size - first);
  stream->written += size;
  SandboxMarkDirty(memory, number, 1 - side);
  return (int64_t)size;
}

int64_t SandboxRead(SandboxMemory* memory, uint32_t number, uint32_t side, void* bytes,
                    uint64_t size, int peek) {
  SandboxStream* const stream = &memory->link[number].to[side];
  const uint64_t arrived = stream->delivered - stream->read;
  if (arrived == 0) {
    if (stream->reset) return -ECONNRESET;
    if (memory->link[number].state == kSandboxLinkRefused) return -ECONNREFUSED;
    return stream->fin_delivered ? 0 : -EAGAIN;
  }
  if (size > arrived) size = arrived;
  const uint8_t* const ring = SandboxRing(memory, number, side);
  const uint64_t at = stream->read & (memory->ring_bytes - 1);
  const uint64_t first = size < memory->ring_bytes - at ? size : memory->ring_bytes - at;
  memcpy(bytes, ring + at, first);
  memcpy((uint8_t*)bytes + first, ring, size - first);
  if (peek) return (int64_t)size;
  stream->read += size;
  if (stream->waits) {
    stream->waits = 0;
    SandboxTell(memory, number, 1 - side);
  }
  return (int64_t)size;
}

uint32_t SandboxReadiness(SandboxMemory* memory, uint32_t number, uint32_t side) {
  SandboxLink* const link = &memory->link[number];
  const SandboxStream* const in = &link->to[side];
  SandboxStream* const out = &link->to[1 - side];
  if (link->state == kSandboxLinkRefused || in->reset) {
    return kSandboxCanRead | kSandboxCanWrite | kSandboxHup | kSandboxError;
  }
  uint32_t ready = 0;
  if (in->delivered > in->read || in->fin_delivered) ready |= kSandboxCanRead;
  if (side == 1 || link->state == kSandboxLinkOpen) {
    if (out->fin_written || out->written - out->read < memory->ring_bytes) {
      ready |= kSandboxCanWrite;
    } else {
      out->waits = 1;
    }
  }
  if (in->fin_delivered && out->fin_written) ready |= kSandboxHup;
  return ready;
}

void SandboxShut(SandboxMemory* memory, uint32_t number, uint32_t side) {
  SandboxStream* const stream = &memory->link[number].to[1 - side];
  if (stream->fin_written) return;
  stream->fin_written = 1;
  SandboxMarkDirty(memory, number, 1 - side);
}

void SandboxClose(SandboxMemory* memory, uint32_t number, uint32_t side,
                  enum SandboxFarewell farewell) {
  SandboxLink* const link = &memory->link[number];
  if (link->state == kSandboxLinkFree || !link->open[side]) return;
  link->open[side] = 0;
  const int undialled = side == 0 && !link->answered;
  if (!link->open[1 - side] || undialled) {
    link->state = kSandboxLinkFree;
    return;
  }
  if (farewell == kSandboxSilent) {
    link->silent[side] = 1;
    return;
  }
  SandboxStream* const out = &link->to[1 - side];
  const int unread = link->to[side].delivered > link->to[side].read;
  if (farewell == kSandboxReset || unread) {
    if (out->fin_written != 2) {
      out->fin_written = 2;
      out->fin_announced = 0;
      SandboxMarkDirty(memory, number, 1 - side);
    }
  } else {
    SandboxShut(memory, number, side);
  }
}

void SandboxNodeGone(SandboxMemory* memory, uint32_t node, int power_loss) {
  SandboxMachine* const gone = &memory->node[node];
  for (uint32_t number = 0; number < memory->links_used; ++number) {
    SandboxLink* const link = &memory->link[number];
    for (uint32_t side = 0; side < 2; ++side) {
      if (link->state == kSandboxLinkFree || link->node[side] != node) continue;
      if (side == 1 && !link->answered) continue;
      // The queue of a listener goes with it.
      const int queued = side == 1 && !link->accepted;
      SandboxClose(memory, number, side,
                   power_loss ? kSandboxSilent
                   : queued   ? kSandboxReset
                              : kSandboxFin);
    }
  }
  memset(gone->listeners, 0, sizeof(gone->listeners));
  gone->state = kSandboxNodeDown;
  gone->pending = 0;
  gone->deadline_ns = SANDBOX_NEVER;
}

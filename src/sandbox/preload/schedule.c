// Who runs next, and what arrives when. Used by the host and by every node: a node whose turn ends
// chooses the next one itself, so that a turn costs one switch between processes.

#include <string.h>

#include "sandbox/preload/shared.h"

uint64_t SandboxMix(uint64_t state, uint64_t value) {
  state = (state ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return state ^ state >> 32;
}

uint64_t SandboxHash(uint64_t state, const uint8_t* bytes, uint64_t size) {
  state = SandboxMix(state, size);
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    state = SandboxMix(state, word);
  }
  uint64_t rest = 0;
  memcpy(&rest, bytes, size);
  return SandboxMix(state, rest);
}

void SandboxNoteDown(SandboxMemory* memory, enum SandboxNoteKind kind, uint32_t node, uint32_t link,
                     uint32_t detail, uint64_t value, uint64_t hash) {
  uint64_t trace = SandboxMix(memory->trace, (uint64_t)memory->time_ns);
  trace = SandboxMix(trace, (uint64_t)kind << 48 | (uint64_t)node << 32 | link << 8 | detail);
  memory->trace = SandboxMix(SandboxMix(trace, value), hash);
  if (memory->notes_on) {
    const SandboxNote note = {.at_ns = memory->time_ns,
                              .value = value,
                              .hash = hash,
                              .link = (uint16_t)link,
                              .kind = (uint8_t)kind,
                              .node = (uint8_t)node,
                              .detail = (uint8_t)detail};
    memory->note[memory->trace_notes % kSandboxMaxNotes] = note;
  }
  ++memory->trace_notes;
}

void SandboxRefuse(SandboxMemory* memory, uint32_t node, const char* text) {
  if (memory->refused) return;
  memory->refused = 1;
  memory->refused_node = (uint8_t)node;
  strncpy(memory->refusal, text, sizeof(memory->refusal) - 1);
}

// ppm / 1e6 of a time.
static int64_t Scaled(int64_t ns, int64_t ppm) {
  return ns / 1000000 * ppm + ns % 1000000 * ppm / 1000000;
}

int64_t SandboxMonotonic(const SandboxMachine* node, int64_t true_ns) {
  const int64_t elapsed = true_ns - node->clock_base_ns;
  return node->clock_shows_ns + elapsed +
         (node->drift_ppm == 0 ? 0 : Scaled(elapsed, node->drift_ppm));
}

int64_t SandboxTrueElapsed(const SandboxMachine* node, int64_t elapsed_ns) {
  if (node->drift_ppm == 0) return elapsed_ns;
  const int64_t rate = 1000000 + node->drift_ppm;
  return elapsed_ns / rate * 1000000 + elapsed_ns % rate * 1000000 / rate + 1;
}

// --- The queue of events.

static int Before(const SandboxEvent* a, const SandboxEvent* b) {
  return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

void SandboxSchedule(SandboxMemory* memory, int64_t at_ns, enum SandboxEventKind kind,
                     uint32_t link, uint32_t side, uint64_t position) {
  if (memory->events == kSandboxMaxEvents) {
    SandboxRefuse(memory, memory->runner, "too much is on its way between the nodes");
    return;
  }
  const SandboxEvent event = {.at_ns = at_ns,
                              .order = memory->next_order++,
                              .position = position,
                              .generation = memory->link[link].generation,
                              .link = (uint16_t)link,
                              .kind = (uint8_t)kind,
                              .side = (uint8_t)side};
  uint32_t place = memory->events++;
  while (place > 0) {
    const uint32_t parent = (place - 1) / 2;
    if (!Before(&event, &memory->event[parent])) break;
    memory->event[place] = memory->event[parent];
    place = parent;
  }
  memory->event[place] = event;
}

static SandboxEvent TakeFirst(SandboxMemory* memory) {
  const SandboxEvent first = memory->event[0];
  const SandboxEvent last = memory->event[--memory->events];
  uint32_t place = 0;
  for (;;) {
    uint32_t child = 2 * place + 1;
    if (child >= memory->events) break;
    if (child + 1 < memory->events && Before(&memory->event[child + 1], &memory->event[child])) {
      ++child;
    }
    if (!Before(&memory->event[child], &last)) break;
    memory->event[place] = memory->event[child];
    place = child;
  }
  memory->event[place] = last;
  return first;
}

// --- Arrivals.

void SandboxMarkDirty(SandboxMemory* memory, uint32_t link, uint32_t side) {
  SandboxStream* const stream = &memory->link[link].to[side];
  if (stream->dirty) return;
  stream->dirty = 1;
  memory->dirty[memory->dirty_count++] = (uint16_t)(link << 1 | side);
}

void SandboxAnnounce(SandboxMemory* memory, int64_t at_ns) {
  for (uint32_t i = 0; i < memory->dirty_count; ++i) {
    const uint32_t number = memory->dirty[i] >> 1;
    const uint32_t side = memory->dirty[i] & 1;
    SandboxLink* const link = &memory->link[number];
    SandboxStream* const stream = &link->to[side];
    stream->dirty = 0;
    if (link->state == kSandboxLinkFree) continue;
    int64_t at = at_ns + memory->delay_ns[link->node[1 - side]][link->node[side]];
    if (at < stream->last_at_ns) at = stream->last_at_ns;
    stream->last_at_ns = at;
    if (stream->written > stream->announced) {
      stream->announced = stream->written;
      SandboxSchedule(memory, at, kSandboxEventBytes, number, side, stream->written);
    }
    if (stream->fin_written && !stream->fin_announced) {
      stream->fin_announced = 1;
      SandboxSchedule(memory, at, stream->fin_written == 2 ? kSandboxEventReset : kSandboxEventFin,
                      number, side, 0);
    }
  }
  memory->dirty_count = 0;
}

void SandboxTell(SandboxMemory* memory, uint32_t link, uint32_t side) {
  const uint32_t owner = memory->link[link].node[side];
  if (owner == kSandboxHost) {
    memory->host_arrived = 1;
  } else {
    memory->node[owner].pending = 1;
  }
}

static int Bit(const uint64_t* sets, uint32_t from, uint32_t to) {
  return (int)(sets[from] >> to & 1);
}

// The bytes of a ring between two offsets, hashed.
static uint64_t HashOfRing(SandboxMemory* memory, uint32_t link, uint32_t side, uint64_t from,
                           uint64_t to) {
  const uint8_t* const ring = SandboxRing(memory, link, side);
  const uint64_t mask = memory->ring_bytes - 1;
  const uint64_t until_wrap = memory->ring_bytes - (from & mask);
  uint64_t first = to - from;
  if (first > until_wrap) first = until_wrap;
  uint64_t hash = SandboxHash(0, ring + (from & mask), first);
  if (from + first < to) hash = SandboxHash(hash, ring, to - from - first);
  return hash;
}

static void ArriveDial(SandboxMemory* memory, uint32_t number) {
  SandboxLink* const link = &memory->link[number];
  const uint32_t from = link->node[0];
  const uint32_t to = link->node[1];
  if (memory->down >> to & 1) return;
  const int64_t back = memory->time_ns + memory->delay_ns[to][from];
  SandboxListener* const listener = to == kSandboxHost || memory->node[to].state == kSandboxNodeDown
                                        ? NULL
                                        : SandboxListenerAt(memory, to, link->port[1]);
  if (listener == NULL) {
    link->open[1] = 0;
    SandboxSchedule(memory, back, kSandboxEventRefused, number, 0, 0);
    return;
  }
  if (listener->count >= listener->backlog) {  // it is dropped, and sent again after a second
    SandboxSchedule(memory, memory->time_ns + 1000000000, kSandboxEventDial, number, 1, 0);
    return;
  }
  listener->queue[(listener->first + listener->count++) % kSandboxBacklog] = (uint16_t)number;
  link->answered = 1;
  SandboxTell(memory, number, 1);
  SandboxSchedule(memory, back, kSandboxEventOpen, number, 0, 0);
}

static void Arrive(SandboxMemory* memory, const SandboxEvent* event) {
  SandboxLink* const link = &memory->link[event->link];
  if (link->generation != event->generation || link->state == kSandboxLinkFree) return;
  const uint32_t side = event->side;
  SandboxStream* const stream = &link->to[side];
  const uint32_t from = link->node[1 - side];
  const uint32_t to = link->node[side];
  if (Bit(memory->lost, from, to)) {
    if (event->kind == kSandboxEventBytes && stream->cut_at > stream->delivered) {
      stream->cut_at = stream->delivered;  // what comes later cannot be used without it
    }
    return;
  }
  if (Bit(memory->held, from, to)) {
    switch (event->kind) {
      case kSandboxEventDial:
        link->held_connect = 1;
        break;
      case kSandboxEventOpen:
        link->held_connect = 2;
        break;
      case kSandboxEventRefused:
        link->held_connect = 3;
        break;
      case kSandboxEventReset:
        stream->held |= 2;
        break;
      default:
        stream->held |= 1;
    }
    return;
  }
  uint64_t hash = 0;
  switch (event->kind) {
    case kSandboxEventDial:
      ArriveDial(memory, event->link);
      break;
    case kSandboxEventOpen:
      if (link->state == kSandboxLinkDialling) link->state = kSandboxLinkOpen;
      SandboxTell(memory, event->link, side);
      break;
    case kSandboxEventRefused:
      link->state = kSandboxLinkRefused;
      SandboxTell(memory, event->link, side);
      break;
    case kSandboxEventBytes: {
      if (!link->open[side]) {
        if (!link->silent[side] || !(memory->down >> to & 1)) {
          SandboxSchedule(memory, memory->time_ns + memory->delay_ns[to][from], kSandboxEventReset,
                          event->link, 1 - side, 0);
        }
        break;
      }
      const uint64_t end = event->position < stream->cut_at ? event->position : stream->cut_at;
      if (end <= stream->delivered) return;
      hash = HashOfRing(memory, event->link, side, stream->delivered, end);
      stream->delivered = end;
      SandboxTell(memory, event->link, side);
      break;
    }
    case kSandboxEventFin:
      if (stream->delivered < stream->written) return;  // cut
      stream->fin_delivered = 1;
      SandboxTell(memory, event->link, side);
      break;
    default:
      stream->reset = 1;
      link->to[1 - side].reset = 1;
      SandboxTell(memory, event->link, side);
  }
  SandboxNoteDown(memory, kSandboxNoteEvent, to, event->link, (uint32_t)event->kind << 1 | side,
                  stream->delivered, hash);
}

void SandboxRelease(SandboxMemory* memory, uint32_t from, uint32_t to) {
  for (uint32_t number = 0; number < memory->links_used; ++number) {
    SandboxLink* const link = &memory->link[number];
    if (link->state == kSandboxLinkFree) continue;
    if (link->held_connect != 0) {
      const uint32_t side = link->held_connect == 1 ? 1 : 0;
      if (link->node[1 - side] == from && link->node[side] == to) {
        const enum SandboxEventKind kind = link->held_connect == 1   ? kSandboxEventDial
                                           : link->held_connect == 2 ? kSandboxEventOpen
                                                                     : kSandboxEventRefused;
        SandboxSchedule(memory, memory->time_ns, kind, number, side, 0);
        link->held_connect = 0;
      }
    }
    for (uint32_t side = 0; side < 2; ++side) {
      SandboxStream* const stream = &link->to[side];
      if (stream->held == 0 || link->node[1 - side] != from || link->node[side] != to) continue;
      SandboxSchedule(memory, memory->time_ns, kSandboxEventBytes, number, side, stream->announced);
      if (stream->fin_announced && stream->fin_written == 1) {
        SandboxSchedule(memory, memory->time_ns, kSandboxEventFin, number, side, 0);
      }
      if (stream->held & 2) {
        SandboxSchedule(memory, memory->time_ns, kSandboxEventReset, number, side, 0);
      }
      stream->held = 0;
    }
  }
}

// --- Turns.

// When a node can have a turn.
static int64_t DueAt(const SandboxMachine* node) {
  if (node->state != kSandboxNodeIdle || node->paused) return SANDBOX_NEVER;
  if (node->pending) return node->cur_ns;
  return node->deadline_ns < node->cur_ns ? node->cur_ns : node->deadline_ns;
}

int64_t SandboxNextTime(const SandboxMemory* memory) {
  int64_t next = memory->events > 0 ? memory->event[0].at_ns : SANDBOX_NEVER;
  for (uint32_t i = 0; i < memory->nodes; ++i) {
    const int64_t due = DueAt(&memory->node[i]);
    if (due < next) next = due;
  }
  return next;
}

uint32_t SandboxNext(SandboxMemory* memory) {
  if (memory->runner == kSandboxHost) {
    SandboxAnnounce(memory, memory->time_ns);
  } else {
    const SandboxMachine* const ended = &memory->node[memory->runner];
    SandboxNoteDown(memory, kSandboxNoteTurn, memory->runner, 0, 0,
                    (uint64_t)(ended->cur_ns - ended->now_ns), (uint64_t)ended->deadline_ns);
    SandboxAnnounce(memory, ended->cur_ns);
  }
  for (;;) {
    while (memory->events > 0 && memory->event[0].at_ns <= memory->time_ns) {
      const SandboxEvent event = TakeFirst(memory);
      Arrive(memory, &event);
    }
    if (memory->refused || memory->turns >= memory->turns_until ||
        (memory->stop_on_host && memory->host_arrived)) {
      break;
    }
    uint32_t chosen = kSandboxHost;
    uint64_t least = UINT64_MAX;
    int64_t next = memory->events > 0 ? memory->event[0].at_ns : SANDBOX_NEVER;
    for (uint32_t i = 0; i < memory->nodes; ++i) {
      const int64_t due = DueAt(&memory->node[i]);
      if (due > memory->time_ns) {
        if (due < next) next = due;
        continue;
      }
      const uint64_t rank =
          memory->tie_seed == 0 ? i : SandboxMix(memory->tie_seed ^ memory->turns, i) >> 1;
      if (chosen == kSandboxHost || rank < least) {
        chosen = i;
        least = rank;
      }
    }
    if (chosen != kSandboxHost) {
      SandboxMachine* const node = &memory->node[chosen];
      node->now_ns = memory->time_ns;
      node->pending = 0;
      node->state = kSandboxNodeRunning;
      ++node->turns;
      ++memory->turns;
      memory->runner = chosen;
      return chosen;
    }
    if (next > memory->until_ns) {
      if (memory->until_ns > memory->time_ns && memory->until_ns != SANDBOX_NEVER) {
        memory->time_ns = memory->until_ns;
      }
      break;
    }
    memory->time_ns = next;
  }
  memory->runner = kSandboxHost;
  return kSandboxHost;
}

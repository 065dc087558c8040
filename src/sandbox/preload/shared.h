#ifndef RESPROBE_SANDBOX_PRELOAD_SHARED_H_
#define RESPROBE_SANDBOX_PRELOAD_SHARED_H_

// The memory that the host and the processes of a sandbox share: true time, the queue of what is
// due, the nodes, and the connections with their bytes. The host (C++) and the preload library (C)
// use the same functions on it (schedule.c, links.c).
//
// Exactly one process runs at any time: the one that has the turn, or the host. So nothing here is
// locked; the futexes that hand the turn over order all other accesses.
// Files are on simulated disks, which only the host has: a process makes a call (SandboxCall) and
// waits for the answer.
//
// There are no pointers in it, so that a copy of the memory is a copy of the system.

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  kSandboxVersion = 3,
  kSandboxMaxNodes = 60,
  kSandboxHost = kSandboxMaxNodes,  // the host's number, as an end of connections and as a runner
  kSandboxEndpoints = kSandboxMaxNodes + 1,
  kSandboxMaxLinks = 8192,
  kSandboxMaxEvents = 16384,
  kSandboxMaxListeners = 8,
  kSandboxBacklog = 128,
  kSandboxMaxChildren = 8,
  kSandboxMaxRing = 1 << 16,
  kSandboxMaxNotes = 1 << 16,
  kSandboxText = 256,
  kSandboxFirstPid = 1000,
  kSandboxFirstPort = 40000,    // of connections that a node dials
  kSandboxCallBytes = 1 << 20,  // the most that one read or write of a file moves
  kSandboxMaxCoverage = 1 << 16,
};

#define SANDBOX_MAGIC UINT64_C(0x786f62646e617372)
#define SANDBOX_NEVER INT64_MAX
#define SANDBOX_NOWHERE UINT64_MAX
// Where every node maps the memory, so that a forked copy can map another in its place.
#define SANDBOX_ADDRESS UINT64_C(0x100000000000)
// Bits of a futex word that the kernel's robust futexes use.
#define SANDBOX_OWNER_DIED UINT32_C(0x40000000)
#define SANDBOX_WAITERS UINT32_C(0x80000000)
// In the baton: its holder waits for the host to answer a call (SandboxCall).
#define SANDBOX_CALL UINT32_C(0x20000000)

// One direction of a connection. Offsets count the bytes since the start: read <= delivered <=
// written, and written - read is at most the size of a ring.
typedef struct SandboxStream {
  uint64_t written;
  uint64_t announced;  // for these bytes there are events
  uint64_t delivered;
  uint64_t read;
  uint64_t cut_at;     // no byte from here on arrives
  int64_t last_at_ns;  // of the latest event
  uint8_t fin_written;
  uint8_t fin_announced;
  uint8_t fin_delivered;
  uint8_t reset;  // the receiver has been told that the connection was reset
  uint8_t waits;  // the sender has found the ring full
  uint8_t held;   // something has arrived while the pair was held
  uint8_t dirty;  // in the list of streams to announce
  uint8_t unused;
} SandboxStream;

enum SandboxLinkState {
  kSandboxLinkFree,
  kSandboxLinkDialling,
  kSandboxLinkOpen,
  kSandboxLinkRefused,
};

// A connection. Side 0 has dialled, side 1 has accepted.
typedef struct SandboxLink {
  uint32_t generation;
  uint8_t state;         // as the dialler sees it
  uint8_t held_connect;  // the dial (1) or its answer (2) has arrived while the pair was held
  uint8_t answered;      // a listener has taken it
  uint8_t accepted;
  uint8_t node[2];
  uint8_t open[2];
  uint8_t silent[2];  // closed without notification
  uint16_t port[2];
  SandboxStream to[2];  // the bytes to each side
} SandboxLink;

typedef struct SandboxListener {
  uint16_t port;  // 0: unused
  uint16_t first;
  uint16_t count;
  uint16_t backlog;
  uint16_t queue[kSandboxBacklog];  // links
} SandboxListener;

enum SandboxNodeState {
  kSandboxNodeDown,
  kSandboxNodeIdle,
  kSandboxNodeRunning,
};

enum SandboxChildState {
  kSandboxChildNone,
  kSandboxChildRunning,
  kSandboxChildParked,
  kSandboxChildEnded,
};

// A forked process of a node. It runs while its parent waits, until it ends or parks.
typedef struct SandboxForked {
  uint32_t word;  // futex: its thread's id while it runs; 0: it has parked
  uint32_t go;    // futex: 1: it may run
  int32_t pid;
  int32_t virtual_pid;
  int32_t status;  // of waitpid
  uint8_t state;
  uint8_t waits_to_write;  // parked: what for, and on which descriptor
  int32_t waits_fd;
  int64_t visible_ns;  // its parent can see its end from this time on
} SandboxForked;

enum SandboxCallKind {
  kSandboxCallOpen,  // a path; flags
  kSandboxCallClose,
  kSandboxCallRead,        // up to `size` bytes
  kSandboxCallReadAt,      // the same, at `offset`
  kSandboxCallWrite,       // `size` bytes
  kSandboxCallWriteAt,     // the same, at `offset`
  kSandboxCallSeek,        // `offset`, whence in `flags`
  kSandboxCallSyncBegins,  // how long an fsync takes that begins now: `delay_ns`, `point`
  kSandboxCallSync,      // point: of kSandboxCallSyncBegins; 0: it begins now, and takes `delay_ns`
  kSandboxCallTruncate,  // to `size`; file -1: a path
  kSandboxCallSize,      // file -1: a path; `flags`: 1 for a directory
  kSandboxCallRename,    // from `path` to `to`
  kSandboxCallUnlink,
  kSandboxCallMakeDirectory,
  kSandboxCallRemoveDirectory,
  kSandboxCallList,  // the names, each with a zero after it; the result is their size
};

// Which thread of a node makes a call.
enum SandboxRole {
  kSandboxServer,  // the main thread
  kSandboxChild,   // of a forked child
  kSandboxThread,  // another one
};
enum { kSandboxRoles = 3 };

enum SandboxCallState {
  kSandboxCallWaits,
  kSandboxCallAnswered,
  kSandboxCallCopies,  // the caller forks a copy of its node into another system, and waits on
};

// A call on a file, which the host makes on the node's disk while the caller waits.
typedef struct SandboxCall {
  uint32_t word;  // futex: enum SandboxCallState
  uint8_t kind;
  uint8_t node;
  uint8_t role;
  uint8_t unused;
  int32_t file;  // the disk's descriptor; -1: none
  uint32_t flags;
  int64_t offset;
  int64_t size;
  int64_t result;  // or a negated errno value
  int64_t delay_ns;
  int64_t now_ns;  // true time in the caller's turn
  uint64_t point;
  char path[kSandboxText];
  char to[kSandboxText];
} SandboxCall;

enum SandboxCommand {
  kSandboxTurn,
  kSandboxCopy,  // fork a copy into another system
};

typedef struct SandboxMachine {
  uint32_t wake;  // futex: 1: the node has the turn
  int32_t tid;    // of its main thread, which is its process's id
  int32_t virtual_pid;
  int32_t next_virtual_pid;
  uint8_t state;
  uint8_t pending;  // something has happened to it since its last turn
  uint8_t paused;
  uint8_t command;
  uint8_t attached;     // the library is active in the process
  int32_t signal;       // to be raised in its next turn; 0: none
  int64_t now_ns;       // true time at which its turn began
  int64_t cur_ns;       // true time at which its last turn ended
  int64_t deadline_ns;  // true time at which it wants a turn in any case
  int64_t child_ns;     // how long its children seem to run
  int64_t call_ns;      // what a question for the time takes
  uint64_t seed;        // of its entropy
  uint64_t process;     // how many processes it has had
  uint64_t turns;
  uint16_t next_port;
  uint16_t helpers;   // threads besides the main one
  uint32_t counters;  // of coverage, that its program has
  // Its monotonic clock shows clock_shows_ns at true time clock_base_ns, and gains drift_ppm; its
  // wall clock shows wall_ns more.
  int64_t clock_base_ns;
  int64_t clock_shows_ns;
  int64_t drift_ppm;
  int64_t wall_ns;
  char directory[kSandboxText];
  char copy_directory[kSandboxText];  // for kSandboxCopy: that of the copy
  uint32_t copied;                    // futex: 1: kSandboxCopy was done
  int32_t copy_pid;                   // of the copy; or a negated errno value
  SandboxListener listeners[kSandboxMaxListeners];
  SandboxForked children[kSandboxMaxChildren];
} SandboxMachine;

enum SandboxEventKind {
  kSandboxEventDial,     // a dial arrives
  kSandboxEventOpen,     // the dialler learns that it is connected
  kSandboxEventRefused,  // the dialler learns that the port has no listener
  kSandboxEventBytes,    // bytes up to `position` arrive at `side`
  kSandboxEventFin,      // and no more will come
  kSandboxEventReset,    // `side` learns that the connection was reset
};

typedef struct SandboxEvent {
  int64_t at_ns;
  uint64_t order;
  uint64_t position;
  uint32_t generation;
  uint16_t link;
  uint8_t kind;
  uint8_t side;
} SandboxEvent;

enum SandboxNoteKind {
  kSandboxNoteTurn,
  kSandboxNoteEvent,
  kSandboxNoteEnd,
};

// One entry of the trace.
typedef struct SandboxNote {
  int64_t at_ns;
  uint64_t value;
  uint64_t hash;
  uint16_t link;
  uint8_t kind;
  uint8_t node;
  uint8_t detail;
  uint8_t unused[3];
} SandboxNote;

typedef struct SandboxMemory {
  uint64_t magic;
  uint32_t version;
  uint32_t nodes;
  uint64_t bytes;
  uint64_t rings;  // offset of the first ring
  uint32_t ring_bytes;
  uint32_t runner;  // who has the turn

  uint32_t baton;  // futex of the host: the thread that has the turn; 0: the host
  uint8_t refused;
  uint8_t refused_node;
  uint8_t host_arrived;  // something has arrived at an end of the host
  uint8_t stop_on_host;  // the host wants the turn then
  uint8_t notes_on;
  char refusal[kSandboxText];
  char copy_memory[kSandboxText];  // for kSandboxCopy: the path of the other system's memory

  int64_t time_ns;
  int64_t until_ns;   // the host wants the turn back before anything later
  uint64_t tie_seed;  // orders nodes that are due at the same time; 0: by number
  uint64_t turns;
  uint64_t turns_until;  // the host wants the turn back then
  uint64_t switches;     // turns that went to another process
  uint64_t trace;        // hash of the notes
  uint64_t trace_notes;

  SandboxCall call;  // the one that is being made

  int64_t delay_ns[kSandboxEndpoints][kSandboxEndpoints];  // [from][to]
  uint64_t held[kSandboxEndpoints];                        // [from]: bits of to
  uint64_t lost[kSandboxEndpoints];
  uint64_t down;  // machines without power

  SandboxMachine node[kSandboxMaxNodes];

  uint32_t links_used;  // all others have never been used
  uint32_t dirty_count;
  uint32_t events;
  uint32_t unused;
  uint64_t next_order;
  uint16_t dirty[2 * kSandboxMaxLinks];  // link << 1 | side
  SandboxLink link[kSandboxMaxLinks];
  SandboxEvent event[kSandboxMaxEvents];  // a heap
  SandboxNote note[kSandboxMaxNotes];     // the last ones
  uint8_t call_bytes[kSandboxCallBytes];  // that a call reads or writes
  // Which counters of instrumented servers have counted since the host last looked: 1 at
  // i % kSandboxMaxCoverage for counter i of a program. Nothing is outside of
  // [coverage_first, coverage_end).
  uint32_t coverage_first;
  uint32_t coverage_end;
  uint8_t coverage[kSandboxMaxCoverage];
} SandboxMemory;

// --- schedule.c

// Chooses who runs next and gives it the turn in the books: a node, or kSandboxHost. Called by
// whoever has the turn and gives it up.
uint32_t SandboxNext(SandboxMemory* memory);
// True time at which the next thing happens; SANDBOX_NEVER: nothing does.
int64_t SandboxNextTime(const SandboxMemory* memory);
// Bytes or the end of a stream are to be announced.
void SandboxMarkDirty(SandboxMemory* memory, uint32_t link, uint32_t side);
// Makes events of all that was written since the last call, as sent at `at_ns`.
void SandboxAnnounce(SandboxMemory* memory, int64_t at_ns);
void SandboxSchedule(SandboxMemory* memory, int64_t at_ns, enum SandboxEventKind kind,
                     uint32_t link, uint32_t side, uint64_t position);
// Everything that was held between two endpoints arrives now.
void SandboxRelease(SandboxMemory* memory, uint32_t from, uint32_t to);
void SandboxNoteDown(SandboxMemory* memory, enum SandboxNoteKind kind, uint32_t node, uint32_t link,
                     uint32_t detail, uint64_t value, uint64_t hash);
uint64_t SandboxMix(uint64_t state, uint64_t value);
uint64_t SandboxHash(uint64_t state, const uint8_t* bytes, uint64_t size);
// Refuses to go on: the host reports the text.
void SandboxRefuse(SandboxMemory* memory, uint32_t node, const char* text);
// What a node's monotonic clock shows at a true time, and the true time after `elapsed_ns` of it.
int64_t SandboxMonotonic(const SandboxMachine* node, int64_t true_ns);
int64_t SandboxTrueElapsed(const SandboxMachine* node, int64_t elapsed_ns);

// --- links.c

enum SandboxReady {
  kSandboxCanRead = 1,
  kSandboxCanWrite = 2,
  kSandboxHup = 4,  // nothing more arrives, and nothing can be sent
  kSandboxError = 8,
};

// The link, or -1 if there are too many.
int SandboxDial(SandboxMemory* memory, uint32_t from, uint32_t to, uint16_t port, int64_t at_ns);
SandboxListener* SandboxListenerAt(SandboxMemory* memory, uint32_t node, uint16_t port);
// The next connection in a listener's queue, or -1.
int SandboxAccept(SandboxMemory* memory, SandboxListener* listener);
// Sends bytes from a side. Returns how many fitted, 0 if none, or a negated errno value.
int64_t SandboxWrite(SandboxMemory* memory, uint32_t link, uint32_t side, const void* bytes,
                     uint64_t size);
// Takes bytes that have arrived at a side (`peek`: leaves them). Returns how many, 0 at the end of
// the stream, or a negated errno value: -EAGAIN if there are none yet.
int64_t SandboxRead(SandboxMemory* memory, uint32_t link, uint32_t side, void* bytes, uint64_t size,
                    int peek);
uint32_t SandboxReadiness(SandboxMemory* memory, uint32_t link, uint32_t side);
// No more bytes will be sent from this side.
void SandboxShut(SandboxMemory* memory, uint32_t link, uint32_t side);
enum SandboxFarewell { kSandboxFin, kSandboxReset, kSandboxSilent };
// A connection that is closed with unread bytes is reset, as Linux does.
void SandboxClose(SandboxMemory* memory, uint32_t link, uint32_t side,
                  enum SandboxFarewell farewell);
// The process of a node is gone: its connections and listeners go with it.
void SandboxNodeGone(SandboxMemory* memory, uint32_t node, int power_loss);
// Something has arrived at a side: its owner is to look.
void SandboxTell(SandboxMemory* memory, uint32_t link, uint32_t side);
uint8_t* SandboxRing(SandboxMemory* memory, uint32_t link, uint32_t side);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RESPROBE_SANDBOX_PRELOAD_SHARED_H_

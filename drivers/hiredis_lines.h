// The lines of a driver in C (docs/client-drivers.md). Requests are printed by resprobe: the keys
// of an object are sorted and no blanks are between them, so that searching is enough to read them.
#ifndef DRIVERS_HIREDIS_LINES_H_
#define DRIVERS_HIREDIS_LINES_H_

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMostWords = 8 };

typedef struct {
  long id;
  int count;
  const char* words[kMostWords];
  size_t sizes[kMostWords];
} Command;

// The number after a key, from `at` on; 0 if it is not there.
static inline long Number(const char* at, const char* key) {
  const char* found = strstr(at, key);
  return found != NULL ? strtol(found + strlen(key), NULL, 10) : 0;
}

static inline bool Has(const char* line, const char* text) { return strstr(line, text) != NULL; }

// Takes the next command of the line; the words stay in it. NULL after the last one.
static inline const char* NextCommand(const char* at, Command* command) {
  const char* words = strstr(at, "\"words\":[");
  if (words == NULL) return NULL;
  command->id = Number(at, "\"id\":");
  command->count = 0;
  at = words + strlen("\"words\":[");
  while (*at != ']' && command->count < kMostWords) {
    const char* begin = strchr(at, '"') + 1;
    at = strchr(begin, '"');
    command->words[command->count] = begin;
    command->sizes[command->count++] = (size_t)(at - begin);
    ++at;
  }
  return at;
}

static inline void PutText(const char* text, size_t size) {
  putchar('"');
  for (size_t i = 0; i < size; ++i) {
    const unsigned char c = (unsigned char)text[i];
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') {
      printf("\\u%04x", c);
    } else {
      putchar(c);
    }
  }
  putchar('"');
}

static inline void PutReply(const redisReply* reply) {
  if (reply->type == REDIS_REPLY_INTEGER) {
    printf("%lld", reply->integer);
  } else if (reply->type == REDIS_REPLY_NIL) {
    printf("null");
  } else if (reply->type == REDIS_REPLY_ERROR) {
    printf("{\"error\":");
    PutText(reply->str, (size_t)reply->len);
    putchar('}');
  } else if (reply->str != NULL) {
    PutText(reply->str, (size_t)reply->len);
  } else {
    putchar('[');
    for (size_t i = 0; i < reply->elements; ++i) {
      if (i > 0) putchar(',');
      PutReply(reply->element[i]);
    }
    putchar(']');
  }
}

static inline void TellError(long id, const char* text, size_t size, const char* kind) {
  printf("{\"id\":%ld,\"error\":", id);
  PutText(text, size);
  printf(",\"kind\":\"%s\"}\n", kind);
}

static inline void TellReply(long id, const redisReply* reply) {
  if (reply->type == REDIS_REPLY_ERROR) {
    TellError(id, reply->str, (size_t)reply->len, "server");
  } else {
    printf("{\"id\":%ld,\"reply\":", id);
    PutReply(reply);
    printf("}\n");
  }
}

#endif  // DRIVERS_HIREDIS_LINES_H_

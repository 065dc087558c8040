// Pushes to hiredis, which has them from 1.0 on: the client tracks all keys, and has a push handler
// (docs/client-drivers.md).
#ifndef DRIVERS_HIREDIS_PUSH_H_
#define DRIVERS_HIREDIS_PUSH_H_

#include <hiredis/async.h>

#include "hiredis_lines.h"

#if HIREDIS_MAJOR >= 1
static const char* const kCanPush = ",\"push\"";

static inline void PutPush(const redisReply* reply) {
  printf("{\"push\":");
  PutReply(reply);
  printf("}\n");
}
static inline void OnPush(void* unused, void* reply) {
  (void)unused;
  PutPush(reply);
  freeReplyObject(reply);
}
static inline void TakePushes(redisContext* client) {
  redisSetPushCallback(client, OnPush);
  freeReplyObject(redisCommand(client, "HELLO 3"));
  freeReplyObject(redisCommand(client, "CLIENT TRACKING ON BCAST"));
}

// hiredis frees the reply.
static inline void OnAsyncPush(redisAsyncContext* unused, void* reply) {
  (void)unused;
  PutPush(reply);
}
static inline void TakePushesAsync(redisAsyncContext* client) {
  redisAsyncSetPushCallback(client, OnAsyncPush);
  redisAsyncCommand(client, NULL, NULL, "HELLO 3");
  redisAsyncCommand(client, NULL, NULL, "CLIENT TRACKING ON BCAST");
}
#else
static const char* const kCanPush = "";
static inline void TakePushes(redisContext* client) { (void)client; }
static inline void TakePushesAsync(redisAsyncContext* client) { (void)client; }
#endif

#endif  // DRIVERS_HIREDIS_PUSH_H_

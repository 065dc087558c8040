// Pushes to a blocking hiredis, which has them from 1.0 on: the client tracks all keys, and has a
// push handler (docs/client-drivers.md).
#ifndef DRIVERS_HIREDIS_PUSH_H_
#define DRIVERS_HIREDIS_PUSH_H_

#include "hiredis_lines.h"

#if HIREDIS_MAJOR >= 1
static const char* const kCanPush = ",\"push\"";

static void OnPush(void* unused, void* reply) {
  (void)unused;
  printf("{\"push\":");
  PutReply(reply);
  printf("}\n");
  freeReplyObject(reply);
}

static void TakePushes(redisContext* client) {
  redisSetPushCallback(client, OnPush);
  freeReplyObject(redisCommand(client, "HELLO 3"));
  freeReplyObject(redisCommand(client, "CLIENT TRACKING ON BCAST"));
}
#else
static const char* const kCanPush = "";
static void TakePushes(redisContext* client) { (void)client; }
#endif

#endif  // DRIVERS_HIREDIS_PUSH_H_

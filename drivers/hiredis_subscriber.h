// A subscriber by blocking hiredis (docs/client-drivers.md): a connection of its own, on which the
// program looks without waiting at what has come.
#ifndef DRIVERS_HIREDIS_SUBSCRIBER_H_
#define DRIVERS_HIREDIS_SUBSCRIBER_H_

#include <poll.h>
#include <sys/time.h>

#include "hiredis_lines.h"

enum { kMostChannels = 64 };

static redisContext* subscriber;
static long channels[kMostChannels];  // the ids of the subscriptions; a channel is "t" and its id
static int channel_count;

static const char* KindOf(const redisContext* c) {
#ifdef REDIS_ERR_TIMEOUT
  if (c->err == REDIS_ERR_TIMEOUT) return "timeout";
#endif
  if (c->err == REDIS_ERR_IO) return strstr(c->errstr, "unavailable") ? "timeout" : "closed";
  if (c->err == REDIS_ERR_EOF) return "closed";
  return c->err == REDIS_ERR_PROTOCOL ? "protocol" : "other";
}

static void TellFailure(const redisContext* c, long id) {
  TellError(id, c->errstr, strlen(c->errstr), KindOf(c));
}

static void SetTimeout(redisContext* c, long ms) {
  const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
  if (ms > 0) redisSetTimeout(c, time);
}

static void EndSubscriber(void) {
  if (subscriber != NULL) redisFree(subscriber);
  subscriber = NULL;
  channel_count = 0;
}

// Frees the reply. Returns true if it is no message.
static bool TakeMessage(redisReply* reply) {
  const bool message = reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                       reply->element[0]->str != NULL && reply->element[1]->str != NULL &&
                       strcmp(reply->element[0]->str, "message") == 0;
  const long id = message ? strtol(reply->element[1]->str + 1, NULL, 10) : 0;
  for (int i = 0; i < channel_count; ++i) {
    if (channels[i] != id) continue;
    printf("{\"id\":%ld,\"message\":", id);
    PutReply(reply->element[2]);
    printf("}\n");
  }
  if (message) freeReplyObject(reply);
  return !message;
}

// Waits for the confirmation. After an error the next subscription has a new connection.
static void Subscribe(Command* command, long port, long timeout_ms) {
  if (subscriber != NULL && (subscriber->err != 0 || channel_count == kMostChannels)) {
    EndSubscriber();
  }
  if (subscriber == NULL) {
    subscriber = redisConnect("127.0.0.1", (int)port);
    if (subscriber->err == 0) SetTimeout(subscriber, timeout_ms);
  }
  channels[channel_count++] = command->id;
  void* reply = NULL;
  if (subscriber->err == 0) {
    redisAppendCommandArgv(subscriber, command->count, command->words, command->sizes);
  }
  while (subscriber->err == 0 && redisGetReply(subscriber, &reply) == REDIS_OK) {
    if (!TakeMessage(reply)) continue;
    TellReply(command->id, reply);
    return freeReplyObject(reply);
  }
  TellFailure(subscriber, command->id);
}

static void LookForMessages(void) {
  void* reply = NULL;
  while (subscriber != NULL && subscriber->err == 0) {
    while (redisGetReplyFromReader(subscriber, &reply) == REDIS_OK && reply != NULL) {
      if (TakeMessage(reply)) freeReplyObject(reply);
    }
    struct pollfd one = {subscriber->fd, POLLIN, 0};
    if (subscriber->err != 0 || poll(&one, 1, 0) <= 0) return;
    redisBufferRead(subscriber);
  }
}

#endif  // DRIVERS_HIREDIS_SUBSCRIBER_H_

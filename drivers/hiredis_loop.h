// A driver of asynchronous hiredis (docs/client-drivers.md): what a context waits for, as poll()
// has it, and how it fails.
#ifndef DRIVERS_HIREDIS_LOOP_H_
#define DRIVERS_HIREDIS_LOOP_H_

#include <hiredis/async.h>
#include <poll.h>

#include "hiredis_lines.h"

typedef struct {
  redisAsyncContext* context;  // NULL once hiredis has disconnected it
  bool reads;
  bool writes;
  bool tells;  // its states, to the peer
} Client;

static void AddRead(void* client) { ((Client*)client)->reads = true; }
static void DelRead(void* client) { ((Client*)client)->reads = false; }
static void AddWrite(void* client) { ((Client*)client)->writes = true; }
static void DelWrite(void* client) { ((Client*)client)->writes = false; }
static void Cleanup(void* client) {
  *(Client*)client = (Client){.tells = ((Client*)client)->tells};
}

static void OnConnect(const redisAsyncContext* c, int status) {
  (void)c;
  if (status == REDIS_OK) printf("{\"state\":\"connected\"}\n");
}
static void OnDisconnect(const redisAsyncContext* c, int status) {
  (void)c;
  (void)status;
  printf("{\"state\":\"disconnected\"}\n");
}

static void Attach(Client* client, redisAsyncContext* context) {
  client->context = context;
  context->ev.data = client;
  context->ev.addRead = AddRead;
  context->ev.delRead = DelRead;
  context->ev.addWrite = AddWrite;
  context->ev.delWrite = DelWrite;
  context->ev.cleanup = Cleanup;
  if (!client->tells) return;
  redisAsyncSetConnectCallback(context, OnConnect);
  redisAsyncSetDisconnectCallback(context, OnDisconnect);
}

static void Drop(Client* client) {
  if (client->context != NULL) redisAsyncFree(client->context);
}

static void TellFailure(const redisAsyncContext* c, long id) {
  const char* kind = c->err == 0                    ? "cancelled"
                     : c->err == REDIS_ERR_PROTOCOL ? "protocol"
                     : c->err == REDIS_ERR_OTHER    ? "other"
                                                    : "closed";
  const char* text = c->errstr != NULL ? c->errstr : "";
  TellError(id, text, strlen(text), kind);
}

static struct pollfd Watched(const Client* client) {
  if (client->context == NULL) return (struct pollfd){-1, 0, 0};
  const int events = (client->reads ? POLLIN : 0) | (client->writes ? POLLOUT : 0);
  return (struct pollfd){client->context->c.fd, (short)events, 0};
}

static void Act(Client* client, int events) {
  if (client->context != NULL && client->reads && (events & ~POLLOUT)) {
    redisAsyncHandleRead(client->context);
  }
  if (client->context != NULL && client->writes && (events & ~POLLIN)) {
    redisAsyncHandleWrite(client->context);
  }
}

#endif  // DRIVERS_HIREDIS_LOOP_H_

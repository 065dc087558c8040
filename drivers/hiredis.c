// Driver of hiredis, blocking (docs/client-drivers.md):
//   cc drivers/hiredis.c -o hiredis-driver -lhiredis
// After an error the program calls redisReconnect().
#include <signal.h>

#include "hiredis_lines.h"
#include "hiredis_push.h"
#include "hiredis_subscriber.h"

static redisContext* client;
static long port;
static long timeout_ms;
static bool push;

static void Forget(void) {
  if (client != NULL) redisFree(client);
  client = NULL;
  EndSubscriber();
}

// Connects unless there is a connection without an error.
static bool Connect(void) {
  if (client != NULL && client->err == 0) return true;
  if (client == NULL) {
    client = redisConnect("127.0.0.1", (int)port);
  } else {
    redisReconnect(client);
  }
  if (client->err != 0) return false;
  SetTimeout(client, timeout_ms);  // again after redisReconnect(), which forgets it in 0.14
  if (push) TakePushes(client);
  return client->err == 0;
}

// All commands of the line in one write, then their replies.
static void Run(const char* line) {
  Command command;
  const bool connected = Connect();
  if (connected) {
    for (const char* at = line; (at = NextCommand(at, &command)) != NULL;) {
      redisAppendCommandArgv(client, command.count, command.words, command.sizes);
    }
  }
  for (const char* at = line; (at = NextCommand(at, &command)) != NULL;) {
    void* reply = NULL;
    if (connected && client->err == 0 && redisGetReply(client, &reply) == REDIS_OK) {
      TellReply(command.id, reply);
      freeReplyObject(reply);
    } else {
      TellFailure(client, command.id);
    }
  }
}

int main(void) {
  // A write to a connection that has ended raises SIGPIPE (docs/findings/client-sigpipe.md).
  signal(SIGPIPE, SIG_IGN);
  printf("{\"driver\":1,\"client\":\"hiredis %d.%d.%d\",", HIREDIS_MAJOR, HIREDIS_MINOR,
         HIREDIS_PATCH);
  printf("\"can\":[\"timeout\",\"pipeline\",\"subscribe\"%s]}\n", kCanPush);
  fflush(stdout);
  char* line = NULL;
  for (size_t size = 0; getline(&line, &size, stdin) > 0; fflush(stdout)) {
    if (Has(line, "\"do\":\"open\"")) {
      Forget();
      port = Number(line, "\"port\":");
      timeout_ms = Number(line, "\"timeout_ms\":");
      push = Has(line, "\"push\":true");
    } else if (Has(line, "\"do\":\"close\"")) {
      Forget();
    } else if (Has(line, "\"do\":\"subscribe\"")) {
      Command command;
      if (NextCommand(line, &command) != NULL) Subscribe(&command, port, timeout_ms);
    } else if (Has(line, "\"do\":\"tick\"")) {
      LookForMessages();
    } else {
      Run(line);
    }
    printf("{\"ready\":true}\n");
  }
  free(line);
  Forget();
}

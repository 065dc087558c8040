<?php
// Driver of phpredis (docs/client-drivers.md). It connects again by itself: OPT_MAX_RETRIES.
// Standard output is for the protocol alone.
ini_set('display_errors', '0');
ini_set('log_errors', '1');
ini_set('error_log', '/dev/stderr');

function say(array $what): void {
    echo json_encode($what, JSON_INVALID_UTF8_SUBSTITUTE, 1 << 20), "\n";
    flush();
}

// phpredis says false for nil.
function plain($value) {
    return is_array($value) ? array_map('plain', $value) : ($value === false ? null : $value);
}

function kindOf(string $text): string {
    if (preg_match('/protocol error/i', $text)) return 'protocol';
    if (preg_match('/timed out|read error on connection/i', $text)) return 'timeout';
    if (preg_match('/went away|refused|closed|reset|lost|broken pipe|socket/i', $text)) return 'closed';
    return 'other';
}

function make(array $request): Redis {
    $client = new Redis();
    $client->connect($request['host'], $request['port'], 0, null, 0, $request['timeout_ms'] / 1000);
    $client->setOption(Redis::OPT_REPLY_LITERAL, true);
    $client->setOption(Redis::OPT_MAX_RETRIES, $request['retry'] ? 3 : 0);
    return $client;
}

function run(int $id, callable $call): void {
    global $client, $opened;
    try {
        $client ??= make($opened);
        $client->clearLastError();
        $value = $call($client);
        $error = $client->getLastError();
        say($value === false && $error !== null ? ['id' => $id, 'error' => $error, 'kind' => 'server']
                                                : ['id' => $id, 'reply' => plain($value)]);
    } catch (RedisException $e) {
        $timeout = $opened['timeout_ms'] > 0;
        $kind = kindOf($e->getMessage());
        // Without retrying it does not connect again; "read error on connection" is said of an end, too.
        if (!$opened['retry']) $client = null;
        say(['id' => $id, 'error' => $e->getMessage(),
             'kind' => $kind === 'timeout' && !$timeout ? 'closed' : $kind]);
    }
}

say(['driver' => 1, 'client' => 'phpredis ' . phpversion('redis'),
     'can' => ['timeout', 'retry', 'pipeline']]);
$client = null;
while (($line = fgets(STDIN)) !== false) {
    $request = json_decode($line, true);
    switch ($request['do']) {
        case 'open':
            $client = null;
            $opened = $request;
            break;
        case 'command':
            run($request['id'], fn($c) => $c->rawCommand(...$request['words']));
            break;
        case 'pipeline':
            $ids = array_column($request['commands'], 'id');
            try {
                $client ??= make($opened);
                $pipe = $client->pipeline();
                foreach ($request['commands'] as $command) $pipe->rawCommand(...$command['words']);
                $values = $pipe->exec();
            } catch (RedisException $e) {
                $client = null;  // the only way out of its pipeline
                foreach ($ids as $id) say(['id' => $id, 'error' => $e->getMessage(), 'kind' => 'closed']);
                break;
            }
            foreach ($ids as $i => $id) {
                $missing = !is_array($values) || !array_key_exists($i, $values);
                say($missing ? ['id' => $id, 'error' => 'no value in the pipeline', 'kind' => 'closed']
                             : ['id' => $id, 'reply' => plain($values[$i])]);
            }
            break;
        case 'close':
            if ($client !== null) $client->close();
            $client = null;
    }
    say(['ready' => true]);
}

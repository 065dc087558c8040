#!/usr/bin/env python3
"""Makes many result folders from those of a campaign, to measure `resprobe merge`.

usage: result_folders.py CAMPAIGN NUMBER INPUTS OUTPUT

Each new folder is a copy of one of the campaign's, with INPUTS inputs drawn from the corpora of all of
them. Every input gets a few random bytes at its end, so that no two folders share one, as it is with
fuzzers that start from different seeds. Units are numbered anew.
"""
import hashlib
import json
import os
import random
import shutil
import sys


def main():
    campaign, number, inputs, output = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    results = sorted(os.path.join(campaign, 'results', name)
                     for name in os.listdir(os.path.join(campaign, 'results')) if name[0] != '.')
    pool = []  # harness, content
    for result in results:
        corpora = os.path.join(result, 'work', 'corpus')
        for harness in sorted(os.listdir(corpora)) if os.path.isdir(corpora) else []:
            for name in sorted(os.listdir(os.path.join(corpora, harness))):
                with open(os.path.join(corpora, harness, name), 'rb') as file:
                    pool.append((harness, file.read()))
    draw = random.Random(1)
    for i in range(number):
        source, folder = results[i % len(results)], os.path.join(output, f'{i:04}')
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns('corpus'))
        with open(os.path.join(source, 'result.json')) as file:
            head = json.load(file)
        head['units'] = [f'made/{i}']
        head['files'] = {name: sha1 for name, sha1 in head['files'].items()
                         if not name.startswith('work/corpus/')}
        for harness, content in draw.sample(pool, min(inputs, len(pool))):
            content += draw.randbytes(4)
            sha1 = hashlib.sha1(content).hexdigest()
            name = os.path.join('work', 'corpus', harness, sha1)
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            with open(os.path.join(folder, name), 'wb') as file:
                file.write(content)
            head['files'][name] = sha1
        with open(os.path.join(folder, 'result.json'), 'w') as file:
            json.dump(head, file)


main()

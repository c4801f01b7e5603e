#include <stddef.h>
#include <stdio.h>

#define SIZE 8

struct ring {
    int items[SIZE];
    size_t head, count;
};

static int push(struct ring *ring, int item)
{
    if (ring->count == SIZE)
        return -1;
    ring->items[(ring->head + ring->count++) % SIZE] = item;
    return 0;
}

int main(void)
{
    struct ring ring = {0};
    for (int i = 0; push(&ring, i * i) == 0; i++)
        printf("%d is in\n", i * i);
    return 0;
}

/* Loaded before libc: adds an offset to each time that a program reads. The offset, in nanoseconds, is the first eight
 * bytes of the file in CLIENT_CLOCK, which a test changes while the program runs. No lock is taken and nothing is
 * allocated: the client reads the time in signal handlers as well. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BILLION 1000000000L

static volatile long none;
static volatile long *offset = &none;
/* Python sleeps and waits until deadlines of the monotonic clock, which is therefore not moved there. */
static int is_python = 0;

__attribute__((constructor)) static void map_offset(void) {
    is_python = strncmp(program_invocation_short_name, "python", 6) == 0;
    const char *path = getenv("CLIENT_CLOCK");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) offset = mapped;
}

static struct timespec moved(struct timespec at, long by) {
    long nanoseconds = at.tv_nsec + by % BILLION;
    at.tv_sec += by / BILLION;
    if (nanoseconds >= BILLION) at.tv_sec++, nanoseconds -= BILLION;
    if (nanoseconds < 0) at.tv_sec--, nanoseconds += BILLION;
    at.tv_nsec = nanoseconds;
    return at;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) real = dlvsym(RTLD_NEXT, "clock_gettime", "GLIBC_2.17");
    if (real == NULL) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, at);
    int is_of_a_process = clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID || clock < 0;
    if (is_python && clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return failed;
    if (failed == 0 && !is_of_a_process) *at = moved(*at, *offset);
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at != NULL) *at = now.tv_sec;
    return now.tv_sec;
}

/* A deadline that was computed from a moved clock: the kernel's own is not moved. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict deadline) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (real == NULL) real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (real == NULL) real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    struct timespec unmoved = is_python ? *deadline : moved(*deadline, -*offset);
    return real(condition, mutex, &unmoved);
}
